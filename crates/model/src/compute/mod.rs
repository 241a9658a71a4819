//! Nova's resources. One file each: the row, then the rules that change it.

mod flavor;
mod keypair;
mod server;
mod server_action;

pub use flavor::Flavor;
pub use keypair::{Keypair, KeypairId, KeypairKind};
pub use server::{Fault, Locked, PowerState, Server, ServerFlavor, ServerImage, TaskState, VmState};
pub use server_action::{ActionEvent, ServerAction};
