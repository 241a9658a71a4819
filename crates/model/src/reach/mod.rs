//! Why something can't be reached: what is declared, what the host really holds, and what was seen.

mod observed;
mod programmed;

pub use observed::{
    Asked, ConsoleSign, DeviceFigures, DhcpExchange, DhcpStep, DropFigures, FdbSeen, FlowSeen, GuestKeys, GuestRecords,
    HostInspector, MetadataRequest, NeighbourSeen, NeighbourState, ObservationAnswer, Observed, ProgrammedAnswer,
    SignKind, TableFill,
};
pub use programmed::{
    Device, DeviceRole, Finding, HostObject, Inspection, Place, Property, RuleOwner, Scope, Service, State, TableName,
};
