use super::*;
use crate::network::service_flavor::{
    L3, ServiceFlavorSpec, associate, create, delete, disassociate, provider_of, update,
};
use crate::network::service_profile::{self, PROVIDERS, ServiceProfileSpec};
use crate::{ServiceFlavorId, ServiceProfileId};

fn of_service(service_type: &str) -> ServiceFlavorSpec {
    ServiceFlavorSpec {
        name: Some("gold".into()),
        service_type: service_type.into(),
        ..ServiceFlavorSpec::default()
    }
}

fn of_driver(driver: &str, metainfo: &str) -> ServiceProfileSpec {
    ServiceProfileSpec {
        driver: Some(driver.into()),
        metainfo: Some(metainfo.into()),
        ..ServiceProfileSpec::default()
    }
}

impl World {
    fn flavor(&mut self, service_type: &str) -> ServiceFlavorId {
        self.run(|tx| create(tx, &admin(), of_service(service_type)))
            .unwrap()
            .id
    }

    fn profile(&mut self, driver: &str, metainfo: &str) -> ServiceProfileId {
        let spec = of_driver(driver, metainfo);
        self.run(|tx| service_profile::create(tx, &admin(), spec)).unwrap().id
    }

    fn provider(&self, id: ServiceFlavorId) -> Result<&'static str> {
        let flavor = self.cloud.service_flavors.get(&id).unwrap();
        provider_of(&self.cloud, flavor).map(|provider| provider.name)
    }

    fn router_of(&mut self, flavor: ServiceFlavorId) -> Result<Arc<Router>> {
        let spec = RouterSpec {
            flavor_id: Some(flavor),
            ..RouterSpec::default()
        };
        self.run(|tx| router::create(tx, &member("demo"), spec))
    }
}

#[test]
fn profiles_name_a_driver_there_is_or_say_something() {
    let mut world = World::new();
    let driver = PROVIDERS[0].driver;
    for (spec, code) in [
        (of_driver("", ""), "ServiceProfileEmpty"),
        (ServiceProfileSpec::default(), "ServiceProfileEmpty"),
        (of_driver("some.Driver", "x"), "ServiceProfileDriverNotFound"),
    ] {
        assert_eq!(world.fails(|tx| service_profile::create(tx, &admin(), spec)), code);
    }
    let id = world.profile("", "{}");
    let other = of_driver("some.Driver", "x");
    assert_eq!(
        world.fails(|tx| service_profile::update(tx, &admin(), id, other)),
        "ServiceProfileDriverNotFound"
    );
    assert_eq!(
        world.fails(|tx| service_profile::update(tx, &admin(), id, of_driver("", ""))),
        "ServiceProfileEmpty"
    );
    let spec = of_driver(driver, "");
    let changed = world.run(|tx| service_profile::update(tx, &admin(), id, spec)).unwrap();
    assert_eq!(
        (changed.driver.as_str(), changed.metainfo.as_str(), changed.enabled),
        (driver, "", true)
    );
    assert_eq!(
        world.fails(|tx| create(tx, &admin(), of_service("VPN"))),
        "InvalidServiceType"
    );
}

#[test]
fn associations_are_made_once_and_keep_their_profile() {
    let mut world = World::new();
    let (flavor, profile) = (world.flavor("FLAVORS"), world.profile("", "{}"));
    let nobody = ServiceProfileId(uuid::Uuid::from_u128(5));
    assert_eq!(
        world.fails(|tx| associate(tx, &admin(), flavor, nobody)),
        "ServiceProfileNotFound"
    );
    assert_eq!(
        world.fails(|tx| disassociate(tx, &admin(), flavor, profile)),
        "FlavorServiceProfileBindingNotFound"
    );
    world.run(|tx| associate(tx, &admin(), flavor, profile)).unwrap();
    assert_eq!(
        world.fails(|tx| associate(tx, &admin(), flavor, profile)),
        "FlavorServiceProfileBindingExists"
    );
    assert_eq!(
        world.fails(|tx| service_profile::update(tx, &admin(), profile, ServiceProfileSpec::default())),
        "ServiceProfileInUse"
    );
    assert_eq!(
        world.fails(|tx| service_profile::delete(tx, &admin(), profile)),
        "ServiceProfileInUse"
    );
    world.run(|tx| disassociate(tx, &admin(), flavor, profile)).unwrap();
    world.run(|tx| associate(tx, &admin(), flavor, profile)).unwrap();
    // A flavor goes with its associations.
    world.run(|tx| delete(tx, &admin(), flavor)).unwrap();
    world.run(|tx| service_profile::delete(tx, &admin(), profile)).unwrap();
    assert_eq!(world.fails(|tx| delete(tx, &admin(), flavor)), "FlavorNotFound");
    assert_eq!(
        world.fails(|tx| service_profile::delete(tx, &admin(), profile)),
        "ServiceProfileNotFound"
    );
}

#[test]
fn the_first_profile_says_who_carries_a_flavor_out() {
    let mut world = World::new();
    let flavor = world.flavor(L3);
    let code = |world: &World| world.provider(flavor).unwrap_err().code;
    assert_eq!(code(&world), "FlavorServiceProfileBindingNotFound");
    let (mute, plain) = (world.profile("", "{}"), world.profile(PROVIDERS[0].driver, ""));
    world.run(|tx| associate(tx, &admin(), flavor, mute)).unwrap();
    world.run(|tx| associate(tx, &admin(), flavor, plain)).unwrap();
    assert_eq!(code(&world), "ServiceProfileDriverNotFound");
    world.run(|tx| disassociate(tx, &admin(), flavor, mute)).unwrap();
    assert_eq!(world.provider(flavor), Ok("single_node"));
    let enabled = |enabled| ServiceFlavorSpec {
        enabled: Some(enabled),
        ..ServiceFlavorSpec::default()
    };
    let off = world.run(|tx| update(tx, &admin(), flavor, enabled(false))).unwrap();
    assert_eq!((off.standard.name.as_str(), off.service_type.as_str()), ("gold", L3));
    assert_eq!(code(&world), "FlavorDisabled");
    world.run(|tx| update(tx, &admin(), flavor, enabled(true))).unwrap();
    world.run(|tx| disassociate(tx, &admin(), flavor, plain)).unwrap();
    let off = ServiceProfileSpec {
        enabled: Some(false),
        ..ServiceProfileSpec::default()
    };
    world
        .run(|tx| service_profile::update(tx, &admin(), plain, off))
        .unwrap();
    world.run(|tx| associate(tx, &admin(), flavor, plain)).unwrap();
    assert_eq!(code(&world), "ServiceProfileDisabled");
}

#[test]
fn routers_are_made_by_flavors_that_can_carry_them_out() {
    let mut world = World::new();
    let plain = world.profile(PROVIDERS[0].driver, "");
    let (flavor, of_qos) = (world.flavor(L3), world.flavor("QOS"));
    let code = |result: Result<Arc<Router>>| result.unwrap_err().code;
    assert_eq!(code(world.router_of(flavor)), "FlavorServiceProfileBindingNotFound");
    world.run(|tx| associate(tx, &admin(), flavor, plain)).unwrap();
    world.run(|tx| associate(tx, &admin(), of_qos, plain)).unwrap();
    assert_eq!(code(world.router_of(of_qos)), "InvalidInput");
    let nobody = ServiceFlavorId(uuid::Uuid::from_u128(5));
    assert_eq!(code(world.router_of(nobody)), "FlavorNotFound");
    let made = world.router_of(flavor).unwrap();
    assert_eq!(made.flavor_id, Some(flavor));
    assert_eq!(world.fails(|tx| delete(tx, &admin(), flavor)), "FlavorInUse");
    // Nothing else changes its flavor.
    let rename = RouterSpec {
        name: Some("r".into()),
        ..RouterSpec::default()
    };
    let renamed = world
        .run(|tx| router::update(tx, &member("demo"), made.id, rename))
        .unwrap();
    assert_eq!(renamed.flavor_id, Some(flavor));
    world.run(|tx| router::delete(tx, &member("demo"), made.id)).unwrap();
    world.run(|tx| delete(tx, &admin(), flavor)).unwrap();
}

#[test]
fn only_administrators_change_flavors_and_profiles() {
    let mut world = World::new();
    let (flavor, profile) = (world.flavor(L3), world.profile("", "{}"));
    let manager = manager("demo");
    let denied = "PolicyNotAuthorized";
    assert_eq!(world.fails(|tx| create(tx, &manager, of_service(L3))), denied);
    assert_eq!(world.fails(|tx| update(tx, &manager, flavor, of_service(L3))), denied);
    assert_eq!(world.fails(|tx| delete(tx, &manager, flavor)), denied);
    assert_eq!(world.fails(|tx| associate(tx, &manager, flavor, profile)), denied);
    assert_eq!(world.fails(|tx| disassociate(tx, &manager, flavor, profile)), denied);
    assert_eq!(
        world.fails(|tx| service_profile::create(tx, &manager, of_driver("", "{}"))),
        denied
    );
    // Profiles are not theirs to see.
    let gone = "ServiceProfileNotFound";
    assert_eq!(
        world.fails(|tx| service_profile::update(tx, &manager, profile, of_driver("", "{}"))),
        gone
    );
    assert_eq!(world.fails(|tx| service_profile::delete(tx, &manager, profile)), gone);
}
