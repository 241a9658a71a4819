//! Address scopes in a router: between networks of different scopes nothing is routed but what is translated, and to a
//! provider network of the same scope nothing is translated. A router without scopes has no rule of these.

use ipnet::IpNet;
use model::host::{RouterConfig, Scopes};
use model::{AddressScopeId, PortId};

use super::names::{gateway_device, router_device};

type Scope = Option<AddressScopeId>;

fn scope(config: &RouterConfig, port: PortId, of: fn(&Scopes) -> Scope) -> Scope {
    config.scopes.get(&port).and_then(of)
}

/// Every two devices of which one is in another scope than the other: from, to, and whether it is the gateway's.
fn strangers(config: &RouterConfig, of: fn(&Scopes) -> Scope) -> Vec<(String, String, bool)> {
    if config.scopes.is_empty() {
        return Vec::new();
    }
    let gateway = config.gateway.as_ref();
    let mut pairs = Vec::new();
    for leg in &config.legs {
        let (device, own) = (router_device(leg.port_id), scope(config, leg.port_id, of));
        for other in config
            .legs
            .iter()
            .filter(|other| scope(config, other.port_id, of) != own)
        {
            pairs.push((device.clone(), router_device(other.port_id), false));
        }
        if let Some(gateway) = gateway.filter(|gateway| scope(config, gateway.port_id, of) != own) {
            pairs.push((gateway_device(gateway.port_id), device, true));
        }
    }
    pairs
}

/// What the forward chain drops: new flows between scopes whose destination is not translated. To a gateway in another
/// scope everything is translated (or dropped by whoever does not know the way back, without translation).
pub fn ipv4_rules(config: &RouterConfig) -> Vec<String> {
    strangers(config, |scopes| scopes.v4)
        .into_iter()
        .map(|(from, to, _)| {
            format!("iifname \"{from}\" oifname \"{to}\" ct state new ct status & dnat == 0 counter drop")
        })
        .collect()
}

/// What is not translated on its way out: the networks in the scope of the gateway's.
pub fn untranslated(config: &RouterConfig, device: &str) -> Vec<String> {
    let Some(outer) = config
        .gateway
        .as_ref()
        .and_then(|gateway| scope(config, gateway.port_id, |scopes| scopes.v4))
    else {
        return Vec::new();
    };
    let same = config
        .legs
        .iter()
        .filter(|leg| scope(config, leg.port_id, |scopes| scopes.v4) == Some(outer));
    same.flat_map(|leg| &leg.addresses)
        .filter(|net| matches!(net, IpNet::V4(_)))
        .map(|net| format!("oifname \"{device}\" ip saddr {} accept", net.trunc()))
        .collect()
}

/// What the forward chain of IPv6 drops: everything between scopes, as nothing of IPv6 is translated.
pub fn ipv6_rules(config: &RouterConfig) -> Vec<String> {
    let drop = |from: &str, to: &str| format!("iifname \"{from}\" oifname \"{to}\" counter drop");
    strangers(config, |scopes| scopes.v6)
        .iter()
        .flat_map(|(from, to, outer)| {
            let back = outer.then(|| drop(to, from));
            [drop(from, to)].into_iter().chain(back)
        })
        .collect()
}
