//! What must hold of Keystone's rows whatever happens to them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::bootstrap::identity::{FirstPasswords, IdentityIds};
use crate::{Actor, Cloud, DomainId, ProjectId, Result, RoleId, Scope, SeededIds, Timestamp, Tx, UserId, bootstrap};

/// A cloud, its time, and an administrator.
struct World {
    cloud: Cloud,
    now: Timestamp,
    ids: SeededIds,
    first: Option<IdentityIds>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            cloud: Cloud::default(),
            now: Timestamp::EPOCH,
            ids: SeededIds::new(7),
            first: None,
        };
        let passwords = FirstPasswords {
            admin_hash: "a".to_owned(),
            demo_hash: "d".to_owned(),
        };
        world.first = Some(world.run(|tx| bootstrap::identity(tx, passwords)).unwrap());
        world
    }

    fn first(&self) -> &IdentityIds {
        self.first.as_ref().unwrap()
    }

    /// Runs a rule a second later than the one before; keeps what it did only when it succeeds.
    fn run<T>(&mut self, rule: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.now = self.now.plus_seconds(1);
        let mut tx = Tx::begin(self.cloud.clone(), self.now, &mut self.ids);
        let outcome = rule(&mut tx)?;
        self.cloud = tx.finish().0;
        Ok(outcome)
    }

    fn finish(&mut self, step: impl Fn(&mut Tx<'_>) -> Result<Progress>) -> Result<()> {
        while self.run(&step)? == Progress::More {}
        Ok(())
    }

    fn admin(&self) -> Actor {
        Actor {
            user_id: self.first().admin_user.clone(),
            user_domain_id: self.first().domain.clone(),
            scope: Scope::System,
            roles: BTreeSet::from(["admin".to_owned()]),
        }
    }

    fn role(&self, name: &str) -> RoleId {
        self.cloud
            .lookups
            .roles_by_name
            .first(&(None, name.to_owned()))
            .cloned()
            .unwrap()
    }

    fn claims(&self, user: &UserId, scope: ClaimedScope, audit: &str) -> TokenClaims {
        TokenClaims {
            user_id: user.clone(),
            scope,
            methods: BTreeSet::from([AuthMethod::Password]),
            issued_at: self.now,
            expires_at: self.now.plus_seconds(3600),
            audit_ids: vec![audit.to_owned()],
            application_credential: None,
            trust: None,
            session_began: None,
        }
    }

    fn holds(&self, claims: &TokenClaims) -> bool {
        admit(&self.cloud, claims, self.now).is_some()
    }

    fn user(&mut self, name: &str, domain: &DomainId) -> UserId {
        let admin = self.admin();
        let fields = UserFields {
            name: Some(name.to_owned()),
            domain_id: Some(domain.clone()),
            password_hash: Some(Some("h".to_owned())),
            ..UserFields::default()
        };
        self.run(|tx| create_user(tx, &admin, fields)).unwrap().id.clone()
    }

    fn give(&mut self, user: &UserId, role: &RoleId, target: AssignmentTarget) {
        let admin = self.admin();
        let row = Assignment {
            holder: Holder::User(user.clone()),
            target,
            role_id: role.clone(),
            inherited: false,
        };
        self.run(|tx| create_assignment(tx, &admin, row)).unwrap();
    }
}

/// No row points to one that is gone.
fn check_no_dangling(cloud: &Cloud) {
    for row in cloud.assignments.iter() {
        assert!(cloud.roles.contains(&row.role_id), "{row:?}");
        assert!(row.holder.domain(cloud).is_ok(), "{row:?}");
        let there = match &row.target {
            AssignmentTarget::Project(id) => cloud.projects.contains(id),
            AssignmentTarget::Domain(id) => cloud.domains.contains(id),
            AssignmentTarget::System => true,
        };
        assert!(there, "{row:?}");
    }
    for row in cloud.group_memberships.iter() {
        assert!(
            cloud.users.contains(&row.user_id) && cloud.groups.contains(&row.group_id),
            "{row:?}"
        );
    }
    for row in cloud.application_credentials.iter() {
        assert!(
            cloud.users.contains(&row.user_id) && cloud.projects.contains(&row.project_id),
            "{row:?}"
        );
    }
    for row in cloud.role_implications.iter() {
        assert!(
            cloud.roles.contains(&row.prior) && cloud.roles.contains(&row.implied),
            "{row:?}"
        );
    }
    for row in cloud.users.iter() {
        assert!(cloud.domains.contains(&row.domain_id), "{row:?}");
        assert!(
            row.default_project_id
                .as_ref()
                .is_none_or(|id| cloud.projects.contains(id)),
            "{row:?}"
        );
    }
    for row in cloud.projects.iter() {
        assert!(cloud.domains.contains(&row.domain_id), "{row:?}");
        assert!(
            row.parent_id.as_ref().is_none_or(|id| cloud.projects.contains(id)),
            "{row:?}"
        );
    }
}

/// What the store would give back is the same cloud.
fn check_survives_a_restart(cloud: &Cloud) {
    let mut again = Cloud::default();
    for row in cloud.rows() {
        assert!(again.load(row.kind(), &row.to_json().unwrap()).unwrap());
    }
    for user in cloud.users.iter() {
        for target in cloud
            .projects
            .iter()
            .map(|p| AssignmentTarget::Project(p.id.clone()))
            .chain([AssignmentTarget::System])
        {
            assert_eq!(
                effective_roles(cloud, &user.id, &target),
                effective_roles(&again, &user.id, &target)
            );
        }
    }
    assert_eq!(cloud.rows().count(), again.rows().count());
}

#[test]
fn the_first_rows_are_those_of_devstack_and_are_made_once() {
    let mut world = World::new();
    let names = |roles: BTreeSet<RoleId>, cloud: &Cloud| -> BTreeSet<String> {
        roles
            .iter()
            .map(|id| cloud.roles.get(id).unwrap().name.clone())
            .collect()
    };
    let first = world.first().clone();
    let held =
        |user: &UserId, target: AssignmentTarget| names(effective_roles(&world.cloud, user, &target), &world.cloud);
    let all = BTreeSet::from(["admin", "manager", "member", "reader"].map(str::to_owned));
    for target in [
        AssignmentTarget::System,
        AssignmentTarget::Domain(first.domain.clone()),
        AssignmentTarget::Project(first.admin_project.clone()),
        AssignmentTarget::Project(first.demo_project.clone()),
    ] {
        assert_eq!(held(&first.admin_user, target), all);
    }
    let demo = held(&first.demo_user, AssignmentTarget::Project(first.demo_project.clone()));
    assert_eq!(demo, BTreeSet::from(["member", "reader"].map(str::to_owned)));
    assert!(held(&first.demo_user, AssignmentTarget::System).is_empty());
    assert_eq!(world.cloud.token_keys.len(), 1);
    let before = world.cloud.rows().count();
    let again = world.run(|tx| {
        let passwords = FirstPasswords {
            admin_hash: "x".to_owned(),
            demo_hash: "x".to_owned(),
        };
        bootstrap::identity(tx, passwords)
    });
    assert_eq!(again.unwrap(), first);
    assert_eq!(world.cloud.rows().count(), before);
    check_survives_a_restart(&world.cloud);
}

#[test]
fn keys_are_dropped_only_when_no_token_can_need_them() {
    let mut world = World::new();
    assert!(!world.run(|tx| Ok(rotate_token_keys(tx, Rotation::WhenDue))).unwrap());
    world.now = world.now.plus_seconds(KEY_ROTATION_SECONDS);
    assert!(world.run(|tx| Ok(rotate_token_keys(tx, Rotation::WhenDue))).unwrap());
    assert_eq!(world.cloud.token_keys.len(), 2);
    world.now = world.now.plus_seconds(MAX_TOKEN_SECONDS - 10);
    assert!(!world.run(|tx| Ok(rotate_token_keys(tx, Rotation::WhenDue))).unwrap());
    world.now = world.now.plus_seconds(10);
    assert!(world.run(|tx| Ok(rotate_token_keys(tx, Rotation::WhenDue))).unwrap());
    let left: Vec<u64> = world.cloud.token_keys.iter().map(|key| key.id).collect();
    assert_eq!(left, [2]);
    assert!(world.run(|tx| Ok(rotate_token_keys(tx, Rotation::DropAll))).unwrap());
    let left: Vec<u64> = world.cloud.token_keys.iter().map(|key| key.id).collect();
    assert_eq!(left, [3]);
    let secrets: BTreeSet<Vec<u8>> = world.cloud.token_keys.iter().map(|key| key.secret.clone()).collect();
    assert!(secrets.iter().all(|secret| secret.len() == 32));
}

#[test]
fn revocations_are_forgotten_once_nothing_can_match_them() {
    let mut world = World::new();
    for i in 0..20 {
        let last = world.now.plus_seconds(3600);
        world
            .run(|tx| {
                revoke_until(tx, RevocationTarget::Token(format!("t{i}")), last);
                Ok(())
            })
            .unwrap();
    }
    assert_eq!(world.cloud.revocations.len(), 20);
    world.now = world.now.plus_seconds(2 * 3600);
    for i in 0..3 {
        let target = RevocationTarget::Token(format!("late{i}"));
        world
            .run(|tx| {
                revoke(tx, target);
                Ok(())
            })
            .unwrap();
    }
    assert_eq!(world.cloud.revocations.len(), 3);
}

/// Something that ends tokens.
#[derive(Debug, Clone, Copy)]
enum End {
    OwnToken,
    Chain,
    PasswordReset,
    PasswordChange,
    DisableUser,
    DisableProject,
    DisableDomain,
    DeleteUser,
    DeleteProject,
    DeleteDomain,
    TakeRole,
    DeleteRole,
    Expire,
}

const ENDS: [End; 13] = [
    End::OwnToken,
    End::Chain,
    End::PasswordReset,
    End::PasswordChange,
    End::DisableUser,
    End::DisableProject,
    End::DisableDomain,
    End::DeleteUser,
    End::DeleteProject,
    End::DeleteDomain,
    End::TakeRole,
    End::DeleteRole,
    End::Expire,
];

/// A domain with a project, a role and a user who holds it there.
struct Victim {
    domain: DomainId,
    project: ProjectId,
    role: RoleId,
    user: UserId,
}

impl Victim {
    fn new(world: &mut World, name: &str) -> Self {
        let admin = world.admin();
        let fields = DomainFields {
            name: Some(name.to_owned()),
            ..DomainFields::default()
        };
        let domain = world.run(|tx| create_domain(tx, &admin, fields)).unwrap().id.clone();
        let fields = ProjectFields {
            name: Some(name.to_owned()),
            domain_id: Some(domain.clone()),
            ..ProjectFields::default()
        };
        let project = world.run(|tx| create_project(tx, &admin, fields)).unwrap().id.clone();
        let fields = RoleFields {
            name: Some(name.to_owned()),
            ..RoleFields::default()
        };
        let role = world.run(|tx| create_role(tx, &admin, fields)).unwrap().id.clone();
        let user = world.user(name, &domain);
        world.give(&user, &role, AssignmentTarget::Project(project.clone()));
        Self {
            domain,
            project,
            role,
            user,
        }
    }

    fn token(&self, world: &World) -> TokenClaims {
        world.claims(
            &self.user,
            ClaimedScope::Project(self.project.clone()),
            self.user.as_str(),
        )
    }

    fn end(&self, world: &mut World, token: &TokenClaims, end: End) {
        let admin = world.admin();
        let disabled = DomainFields {
            enabled: Some(false),
            ..DomainFields::default()
        };
        match end {
            End::OwnToken => revoke_one(world, RevocationTarget::Token(token.audit_id().to_owned())),
            End::Chain => revoke_one(world, RevocationTarget::Chain(token.chain_id().to_owned())),
            End::PasswordReset => {
                let fields = UserFields {
                    password_hash: Some(Some("new".to_owned())),
                    ..UserFields::default()
                };
                world.run(|tx| update_user(tx, &admin, &self.user, fields)).unwrap();
            }
            End::PasswordChange => world
                .run(|tx| change_own_password(tx, &self.user, "h", "new".to_owned(), 0))
                .unwrap(),
            End::DisableUser => {
                for enabled in [false, true] {
                    let fields = UserFields {
                        enabled: Some(enabled),
                        ..UserFields::default()
                    };
                    world.run(|tx| update_user(tx, &admin, &self.user, fields)).unwrap();
                }
            }
            End::DisableProject => {
                for enabled in [false, true] {
                    let fields = ProjectFields {
                        enabled: Some(enabled),
                        ..ProjectFields::default()
                    };
                    world
                        .run(|tx| update_project(tx, &admin, &self.project, fields))
                        .unwrap();
                }
            }
            End::DisableDomain => {
                world
                    .run(|tx| update_domain(tx, &admin, &self.domain, disabled.clone()))
                    .unwrap();
                let fields = DomainFields {
                    enabled: Some(true),
                    ..DomainFields::default()
                };
                world.run(|tx| update_domain(tx, &admin, &self.domain, fields)).unwrap();
            }
            End::DeleteUser => world.finish(|tx| delete_user(tx, &admin, &self.user)).unwrap(),
            End::DeleteProject => world.finish(|tx| delete_project(tx, &admin, &self.project)).unwrap(),
            End::DeleteDomain => {
                world
                    .run(|tx| update_domain(tx, &admin, &self.domain, disabled))
                    .unwrap();
                world.finish(|tx| delete_domain(tx, &admin, &self.domain)).unwrap();
            }
            End::TakeRole => {
                let row = Assignment {
                    holder: Holder::User(self.user.clone()),
                    target: AssignmentTarget::Project(self.project.clone()),
                    role_id: self.role.clone(),
                    inherited: false,
                };
                world.run(|tx| delete_assignment(tx, &admin, &row)).unwrap();
            }
            End::DeleteRole => world.finish(|tx| delete_role(tx, &admin, &self.role)).unwrap(),
            End::Expire => world.now = token.expires_at,
        }
    }
}

fn revoke_one(world: &mut World, target: RevocationTarget) {
    world
        .run(|tx| {
            revoke(tx, target);
            Ok(())
        })
        .unwrap();
}

#[test]
fn whatever_ends_a_token_ends_every_token_made_from_it_and_nobody_elses() {
    for end in ENDS {
        let mut world = World::new();
        let victim = Victim::new(&mut world, "victim");
        let other = Victim::new(&mut world, "other");
        let token = victim.token(&world);
        let child = TokenClaims {
            audit_ids: vec!["child".to_owned(), token.audit_id().to_owned()],
            ..token.clone()
        };
        let others = other.token(&world);
        assert!(world.holds(&token) && world.holds(&child) && world.holds(&others));
        victim.end(&mut world, &token, end);
        assert!(!world.holds(&token), "{end:?}");
        // One revoked token is one; everything else ends the whole chain.
        assert_eq!(world.holds(&child), matches!(end, End::OwnToken), "{end:?}");
        assert_eq!(world.holds(&others), !matches!(end, End::Expire), "{end:?}");
        check_no_dangling(&world.cloud);
        check_survives_a_restart(&world.cloud);
        // Who still may, may sign in again.
        world.now = world.now.plus_seconds(1);
        let again = victim.token(&world);
        let may = matches!(
            end,
            End::OwnToken
                | End::Chain
                | End::PasswordReset
                | End::PasswordChange
                | End::DisableUser
                | End::DisableProject
                | End::DisableDomain
                | End::Expire
        );
        let again = TokenClaims {
            audit_ids: vec!["again".to_owned()],
            ..again
        };
        assert_eq!(world.holds(&again), may, "{end:?}");
    }
}

#[test]
fn a_user_with_more_roles_than_one_step_deletes_goes_whole() {
    let mut world = World::new();
    let admin = world.admin();
    let victim = Victim::new(&mut world, "victim");
    for i in 0..250 {
        let fields = RoleFields {
            name: Some(format!("r{i}")),
            ..RoleFields::default()
        };
        let role = world.run(|tx| create_role(tx, &admin, fields)).unwrap().id.clone();
        world.give(&victim.user, &role, AssignmentTarget::Project(victim.project.clone()));
    }
    let mut steps = 0;
    loop {
        steps += 1;
        let before = world.cloud.rows().count();
        let progress = world.run(|tx| delete_user(tx, &admin, &victim.user)).unwrap();
        assert!(before - world.cloud.rows().count() <= 128, "within the store's limit");
        if progress == Progress::Done {
            break;
        }
    }
    assert_eq!(steps, 3);
    assert!(!world.cloud.users.contains(&victim.user));
    check_no_dangling(&world.cloud);
}

proptest! {
    /// Implications never make a circle, and what follows from a role follows from all that bring it.
    #[test]
    fn implied_roles_are_closed_and_acyclic(edges in prop::collection::vec((0usize..8, 0usize..8), 0..30)) {
        let mut world = World::new();
        let admin = world.admin();
        let roles: Vec<RoleId> = (0..8).map(|i| {
            let fields = RoleFields { name: Some(format!("r{i}")), ..RoleFields::default() };
            world.run(|tx| create_role(tx, &admin, fields)).unwrap().id.clone()
        }).collect();
        for (prior, implied) in edges {
            let _ = world.run(|tx| create_implication(tx, &admin, &roles[prior], &roles[implied]));
        }
        let closures: BTreeMap<&RoleId, BTreeSet<RoleId>> =
            roles.iter().map(|role| (role, with_implied(&world.cloud, [role.clone()]))).collect();
        for row in world.cloud.role_implications.iter() {
            let (Some(prior), Some(implied)) = (closures.get(&row.prior), closures.get(&row.implied)) else { continue };
            prop_assert!(implied.is_subset(prior));
            prop_assert!(!implied.contains(&row.prior), "a circle");
        }
        check_survives_a_restart(&world.cloud);
    }

    /// An application credential never gives more than its user holds at that moment, nor more than it was given.
    #[test]
    fn a_credential_is_never_above_its_user(given in prop::collection::btree_set(0usize..4, 0..4),
                                            left in prop::collection::btree_set(0usize..4, 0..4)) {
        let mut world = World::new();
        let victim = Victim::new(&mut world, "maker");
        let names = ["manager", "member", "reader", "service"];
        let ids: Vec<RoleId> = names.iter().map(|name| world.role(name)).collect();
        let target = AssignmentTarget::Project(victim.project.clone());
        for id in &ids {
            world.give(&victim.user, id, target.clone());
        }
        let (actor, held) = admit(&world.cloud, &victim.token(&world), world.now).unwrap();
        let wanted = NewApplicationCredential {
            name: "c".to_owned(),
            description: None,
            role_ids: Some(given.iter().map(|i| ids[*i].clone()).collect()),
            secret_hash: "h".to_owned(),
            expires_at: None,
            unrestricted: false,
            access_rules: Vec::new(),
        };
        let by = ByToken { role_ids: held, ..ByToken::default() };
        let made = world.run(|tx| create_application_credential(tx, &actor, &victim.user, &by, wanted));
        prop_assert_eq!(made.is_ok(), !given.is_empty());
        let Ok(made) = made else { return Ok(()) };
        let admin = world.admin();
        for (i, id) in ids.iter().enumerate() {
            if !left.contains(&i) {
                let row = Assignment {
                    holder: Holder::User(victim.user.clone()),
                    target: target.clone(),
                    role_id: id.clone(),
                    inherited: false,
                };
                world.run(|tx| delete_assignment(tx, &admin, &row)).unwrap();
            }
        }
        let claims = TokenClaims { application_credential: Some(made.id.clone()), ..victim.token(&world) };
        let child = admit(&world.cloud, &claims, world.now).map(|(_, roles)| roles).unwrap_or_default();
        let parent = effective_roles(&world.cloud, &victim.user, &target);
        prop_assert!(child.is_subset(&parent));
        prop_assert!(child.is_subset(&with_implied(&world.cloud, given.iter().map(|i| ids[*i].clone()))));
        // A token that names the credential for another place is none.
        let elsewhere = TokenClaims { scope: ClaimedScope::Project(world.first().demo_project.clone()), ..claims };
        prop_assert!(admit(&world.cloud, &elsewhere, world.now).is_none());
    }
}
