//! Whether a client that says nothing about itself may do everything.

use std::fmt;

use super::kafka::Kafka;
use super::listener::ListenerAuth;

/// `ANONYMOUS` is a super user, and clients can be `ANONYMOUS`: whoever gets to these listeners, through the
/// proxies or round them, may read and change everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnonymousSuperUser {
    /// Why.
    pub cause: AnonymousCause,
    /// The listeners without authentication.
    pub listeners: Vec<String>,
}

/// Why `ANONYMOUS` is a super user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnonymousCause {
    /// Brokers do not authenticate each other, so Strimzi must let them do everything as `ANONYMOUS`.
    InternalSecurity,
    /// The Kafka resource names it among its super users.
    SuperUsers,
}

/// Finds out whether clients without authentication are super users. Without authorization everyone may do
/// everything anyway, which nobody needs to be told.
pub fn anonymous_super_user(kafka: &Kafka) -> Option<AnonymousSuperUser> {
    let authorization = kafka.authorization.as_ref()?;
    let is_anonymous = |user: &String| matches!(user.as_str(), "ANONYMOUS" | "User:ANONYMOUS");
    let cause = if kafka.open_inside {
        AnonymousCause::InternalSecurity
    } else if authorization.super_users.iter().any(is_anonymous) {
        AnonymousCause::SuperUsers
    } else {
        return None;
    };
    let without = kafka.listeners.iter().filter(|listener| listener.authentication == ListenerAuth::None);
    let listeners: Vec<_> = without.map(|listener| listener.name.clone()).collect();
    (!listeners.is_empty()).then_some(AnonymousSuperUser { cause, listeners })
}

impl fmt::Display for AnonymousSuperUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listeners = self.listeners.join(", ");
        let (cause, remedy) = match self.cause {
            AnonymousCause::InternalSecurity => (
                "brokers do not authenticate each other (strimzi.io/internal-cluster-security)",
                "turn that on",
            ),
            AnonymousCause::SuperUsers => ("superUsers of the Kafka resource has it", "take it out"),
        };
        write!(
            f,
            "ANONYMOUS is a super user because {cause}, and so is every client of the listeners without \
             authentication: {listeners}; {remedy}, or give these listeners authentication"
        )
    }
}

#[cfg(test)]
mod tests;
