//! The whole application in memory: real store, real writer, simulated host; requests without a socket.

// Helpers of tests stand outside of the functions that clippy takes for tests.
#![allow(clippy::unwrap_used)]

mod cloud;
mod compute;
mod compute_admin;
mod compute_bodies;
mod compute_deleted;
mod compute_microversions;
mod compute_moves;
mod compute_parts_bodies;
mod compute_server_parts;
mod compute_servers;
mod compute_volume_backed;
mod compute_works;
mod consoles;
mod every_route;
mod identity;
mod image;
mod image_data;
mod image_sharing;
mod image_web;
mod network;
mod network_access;
mod network_agents;
mod network_default_rules;
mod network_details;
mod network_extensions;
mod network_flavors;
mod network_lists;
mod network_metering;
mod network_ndp_proxy;
mod network_segments;
mod network_stateless;
mod network_topology;
mod network_trunks;
mod odd_values;
mod operator;
mod placement;
mod policy_table;
mod reach;
mod reach_look;
mod reach_watch;
mod volume;
mod volume_backups;
mod volume_groups;
