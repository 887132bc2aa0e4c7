//! How Strimzi says that one of its resources is.

use super::field::{Field, ParseError};

/// The state of a `Kafka`, `KafkaUser` or `KafkaTopic`, from its conditions.
///
/// Only a condition `Ready` that is true means ready. The Cluster and the User Operator report a failure as
/// `NotReady` = true without any `Ready`, the Topic Operator as `Ready` = false; a paused resource has neither.
/// Warnings stand beside all of these and change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KafkaState {
    /// As its spec says.
    Ready,
    /// Strimzi tried and failed, or waits for something.
    NotReady {
        /// Strimzi's reason, may be empty.
        reason: String,
        /// Strimzi's explanation, may be empty.
        message: String,
    },
    /// Strimzi leaves it alone because somebody asked it to.
    Paused,
    /// New, and not finished yet.
    Creating,
    /// Strimzi has said nothing.
    Unknown,
}

impl KafkaState {
    /// Whether Strimzi says that it is as its spec says.
    pub fn is_ready(&self) -> bool {
        *self == Self::Ready
    }

    /// Reads `status.conditions`.
    pub(super) fn parse(status: &Field<'_>) -> Result<Self, ParseError> {
        let mut ready = false;
        let mut failed = None;
        let mut paused = false;
        for condition in status.get("conditions")?.items()? {
            let kind = condition.get("type")?;
            let text = |name| Ok::<_, ParseError>(condition.get(name)?.owned()?.unwrap_or_default());
            let status = text("status")?;
            match (kind.require(kind.text()?)?, status.as_str()) {
                ("ReconciliationPaused", "True") => paused = true,
                ("Ready", "True") => ready = true,
                ("NotReady", "True") | ("Ready", "False") => {
                    failed = Some((text("reason")?, text("message")?));
                }
                _ => {}
            }
        }
        Ok(match failed {
            _ if paused => Self::Paused,
            Some((reason, _)) if reason == "Creating" => Self::Creating,
            Some((reason, message)) => Self::NotReady { reason, message },
            None if ready => Self::Ready,
            None => Self::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn state(conditions: &Value) -> KafkaState {
        let status = json!({ "conditions": conditions });
        KafkaState::parse(&Field::document("status", &status)).unwrap()
    }

    #[test]
    fn a_failure_is_not_ready_being_true_without_any_ready() {
        let failed = json!([{"type": "NotReady", "status": "True", "reason": "TimeoutException", "message": "waited"}]);
        let expected = KafkaState::NotReady { reason: "TimeoutException".into(), message: "waited".into() };
        assert_eq!(state(&failed), expected);
    }

    #[test]
    fn the_topic_operator_says_ready_is_false() {
        let failed = json!([{"type": "Ready", "status": "False", "reason": "KafkaError", "message": "no"}]);
        let expected = KafkaState::NotReady { reason: "KafkaError".into(), message: "no".into() };
        assert_eq!(state(&failed), expected);
    }

    #[test]
    fn nothing_but_ready_being_true_is_ready() {
        assert!(state(&json!([{"type": "Ready", "status": "True"}])).is_ready());
        for other in [
            json!([]),
            json!([{"type": "Ready", "status": "Unknown"}]),
            json!([{"type": "Ready"}]),
            json!([{"type": "NotReady", "status": "False"}]),
            json!([{"type": "Ready", "status": "True"}, {"type": "NotReady", "status": "True"}]),
        ] {
            assert!(!state(&other).is_ready(), "{other}");
        }
    }

    #[test]
    fn a_new_cluster_is_being_created_rather_than_broken() {
        let new = json!([{"type": "NotReady", "status": "True", "reason": "Creating", "message": "is being deployed"}]);
        assert_eq!(state(&new), KafkaState::Creating);
    }

    #[test]
    fn paused_takes_the_place_of_ready() {
        let paused = json!([{"type": "ReconciliationPaused", "status": "True"}]);
        assert_eq!(state(&paused), KafkaState::Paused);
    }

    #[test]
    fn several_warnings_may_stand_beside_ready() {
        let warned = json!([
            {"type": "Warning", "status": "True", "reason": "KafkaStorage", "message": "one replica"},
            {"type": "Warning", "status": "True", "reason": "UnknownFields", "message": "spec.foo"},
            {"type": "Ready", "status": "True"}
        ]);
        assert_eq!(state(&warned), KafkaState::Ready);
        assert_eq!(state(&json!([{"type": "Warning", "status": "True"}])), KafkaState::Unknown);
    }

    #[test]
    fn no_status_at_all_is_unknown() {
        let object = json!({});
        assert_eq!(KafkaState::parse(&Field::top(&object, "status")).unwrap(), KafkaState::Unknown);
    }
}
