//! The whole application in memory: real store, real writer, simulated host; requests without a socket.

mod cloud;
mod every_route;
mod identity;
mod image;
mod image_data;
