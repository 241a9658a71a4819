//! Nova's resources. One file (or folder) each: the row, then the rules that change it.

pub mod aggregate;
pub mod flavor;
pub mod host_service;
pub mod keypair;
pub mod migration;
pub mod quota;
pub mod schedule;
pub mod server;
mod server_action;
pub mod server_group;
pub mod usage;

pub use aggregate::Aggregate;
pub use flavor::Flavor;
pub use host_service::HostService;
pub use keypair::{Keypair, KeypairId, KeypairKind};
pub use migration::Migration;
pub use server::deleted::DeletedServer;
pub use server::{Fault, Locked, PowerState, Server, ServerFlavor, ServerImage, TaskState, VmState};
pub(crate) use server_action::finish_extension;
pub use server_action::{
    ActionEvent, ActionLog, ServerAction, finish as finish_action, of_server as actions_of_server,
};
pub use server_group::{GroupPolicy, ServerGroup};
