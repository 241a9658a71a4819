//! Rules about passwords beyond the password itself (Keystone's `[security_compliance]`): lockout after failed logins, no
//! reuse of old ones, a least age, an expiry. All are off unless they are set.

use std::sync::Arc;

use model::identity::{self, User};
use model::{Error, Result, Timestamp, UserId};

use super::unauthorized;
use crate::Control;
use crate::password::Password;

/// What is asked of passwords and logins; 0 switches a rule off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compliance {
    /// So many wrong passwords in a row lock a user out.
    pub lockout_failure_attempts: u32,
    /// For so long, seconds.
    pub lockout_duration: i64,
    /// A new password is none of so many last ones, the present one among them.
    pub unique_last_password_count: usize,
    /// A user may change their own password only so many days after the last change.
    pub minimum_password_age: i64,
    /// A password is good for so many days.
    pub password_expires_days: i64,
}

const DAY: i64 = 86_400;

impl Compliance {
    /// So many hashes of earlier passwords are kept along with the present one.
    pub fn history(&self) -> usize {
        self.unique_last_password_count.saturating_sub(1)
    }

    /// When a user's password expires.
    pub fn password_expires_at(&self, user: &User) -> Option<Timestamp> {
        if self.password_expires_days <= 0 || user.has_option("ignore_password_expiry") {
            return None;
        }
        let set = user.password_created_at.filter(|_| user.password_hash.is_some())?;
        Some(set.plus_seconds(self.password_expires_days.saturating_mul(DAY)))
    }

    fn locks(&self, user: &User) -> bool {
        self.lockout_failure_attempts > 0 && !user.has_option("ignore_lockout_failure_attempts")
    }

    /// Whether too many wrong passwords were tried a moment ago.
    fn is_locked(&self, user: &User, now: Timestamp) -> bool {
        let last = user.last_failed_login;
        self.locks(user)
            && user.failed_logins >= self.lockout_failure_attempts
            && last.is_some_and(|last| now < last.plus_seconds(self.lockout_duration))
    }
}

impl Control {
    /// What is asked of passwords and logins.
    pub fn compliance(&self) -> Compliance {
        self.inner.auth.compliance
    }

    /// Whether this is the password of a user who is not locked out; keeps count of failures. It takes as long, and says
    /// the same, for a wrong password, an unknown user and one who is locked out.
    pub(super) async fn try_password(&self, user: Option<Arc<User>>, password: Password) -> Result<Option<Arc<User>>> {
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let fits = self.inner.auth.passwords.verify(password, hash).await?;
        let Some(user) = user else { return Ok(None) };
        let compliance = self.compliance();
        if compliance.is_locked(&user, self.now()) {
            return Ok(None);
        }
        let id = user.id.clone();
        if fits && user.failed_logins > 0 {
            self.transact(move |tx| identity::forget_failed_logins(tx, &id)).await?;
        } else if !fits && compliance.locks(&user) {
            let window = compliance.lockout_duration;
            self.transact(move |tx| identity::count_failed_login(tx, &id, window))
                .await?;
        }
        Ok(fits.then_some(user))
    }

    /// A user's own change of password, by whoever knows the old one.
    ///
    /// # Errors
    /// `Unauthorized` for a wrong old password and for nobody's; `Invalid` when the new one was used before, or the old
    /// one is too young, or locked; `Unavailable` when too many passwords are being checked.
    pub async fn change_password(&self, id: &UserId, original: Password, password: Password) -> Result<()> {
        let found = self.cloud().find::<User>(id).cloned();
        let user = self.try_password(found, original).await?.ok_or_else(unauthorized)?;
        let compliance = self.compliance();
        let too_young = compliance.minimum_password_age > 0
            && user
                .password_created_at
                .is_some_and(|set| self.now() < set.plus_seconds(compliance.minimum_password_age.saturating_mul(DAY)));
        if too_young {
            return Err(Error::invalid(
                "PasswordAgeValidationError",
                format!(
                    "You cannot change your password at this time due to the minimum password age. Once you change your \
                     password, it must be used for {} day(s) before it can be changed. Contact your administrator to \
                     reset it.",
                    compliance.minimum_password_age
                ),
            ));
        }
        if self.was_used(&user, &password).await? {
            return Err(Error::invalid(
                "PasswordHistoryValidationError",
                format!(
                    "The new password cannot be identical to a previous password. The total number which includes the \
                     new password must be unique is {}.",
                    compliance.unique_last_password_count
                ),
            ));
        }
        let checked = user.password_hash.clone().ok_or_else(unauthorized)?;
        let new_hash = self.hash_password(password).await?;
        let (id, history) = (id.clone(), compliance.history());
        self.transact(move |tx| identity::change_own_password(tx, &id, &checked, new_hash, history))
            .await
    }

    async fn was_used(&self, user: &User, password: &Password) -> Result<bool> {
        let count = self.compliance().unique_last_password_count;
        if count < 2 {
            return Ok(false);
        }
        let old = user.password_history.iter().rev().take(count - 1);
        for hash in old.chain(&user.password_hash) {
            let passwords = &self.inner.auth.passwords;
            if passwords.verify(password.clone(), Some(hash.clone())).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Refuses a password that has expired: it must be changed first.
    pub(super) fn check_expiry(&self, user: &User) -> Result<()> {
        let ended = self.compliance().password_expires_at(user);
        if ended.is_none_or(|end| self.now() < end) {
            return Ok(());
        }
        Err(Error::unauthorized(
            "UserPasswordExpired",
            format!("The password is expired and needs to be changed for user: {}.", user.id),
        ))
    }
}
