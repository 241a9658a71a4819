//! Makes one host match its HostConfig.
