//! Everything about the topics of a Produce request that must be known before a batch is touched: names, decisions,
//! keys, formats. Only this part waits.

mod pending;

use super::{TopicKey, keys};
use crate::connection::requests::Requests;
use crate::connection::{Close, Shared};
use crate::handler::{Code, history, lookup};
use crate::live::LoadedPolicy;
use crate::metrics::labels::{Format, Refusal};
use crate::sequences::Producer;
use crate::topics::{Facts, MAX_NAME, TopicId};
use crate::wire::{ProducePartition, ProduceView, TopicRef};
use proxy_config::{Decision, EncryptRule, Format as RuleFormat, SealedHeaders, UnmatchedTopics};
use proxy_crypto::{DataKey, ProviderError, Pseudonyms};
use proxy_records::BatchHeader;
use std::sync::Arc;
use tokio::time::Instant;

/// The first version with which encrypted batches can be produced: before it there are no headers.
const FIRST_VERSION: i16 = 3;

/// A topic of the request.
pub(super) struct TopicPlan {
    /// Known unless the id could not be resolved.
    pub(super) name: Option<Arc<str>>,
    pub(super) treatment: Treatment,
}

/// What happens to the topic's batches.
pub(super) enum Treatment {
    Clear,
    Refuse(Code, Refusal),
    /// There is no key to seal with.
    NoKey(ProviderError),
    /// All batches are behind a refused one of their producers: no key is waited for.
    Behind,
    Seal(SealPlan),
}

pub(super) struct SealPlan {
    pub(super) key: Arc<DataKey>,
    pub(super) format: Format,
    pub(super) headers: SealedHeaders,
    /// What keys of records are replaced by, where the rule says so.
    pub(super) pseudonyms: Option<Arc<Pseudonyms>>,
    pub(super) max_message_bytes: Option<usize>,
    /// What the producer is told when the broker says that the topic is compacted after all.
    pub(super) if_compacted: Option<Code>,
}

/// A request and the one policy that it is planned by.
pub(super) struct Plan {
    pub(super) policy: Option<Arc<LoadedPolicy>>,
    /// In the order of the request.
    pub(super) topics: Vec<TopicPlan>,
}

/// A topic before anybody is asked for its key.
enum Planned {
    Treated(TopicPlan),
    ToSeal { name: Arc<str>, rule: Arc<EncryptRule> },
}

/// Plans every topic of the request.
pub(super) async fn plan(
    requests: &mut Requests,
    view: &ProduceView,
    body: &[u8],
    version: i16,
    deadline: Instant,
) -> Result<Plan, Close> {
    let names = resolve(requests, view, body).await?;
    let policy = if version < FIRST_VERSION {
        requests.session.shared.live.policy()
    } else {
        pending::settled(requests, &names, view, body, deadline).await
    };
    let topics = plan_topics(requests, policy.as_deref(), names, view, body, version, deadline).await?;
    Ok(Plan { policy, topics })
}

async fn plan_topics(
    requests: &mut Requests,
    policy: Option<&LoadedPolicy>,
    names: Vec<Option<Arc<str>>>,
    view: &ProduceView,
    body: &[u8],
    version: i16,
    deadline: Instant,
) -> Result<Vec<TopicPlan>, Close> {
    let acknowledged = view.acks != 0;
    let mut plans = Vec::with_capacity(names.len());
    let mut unknown = Vec::new();
    for (name, (topic, partitions)) in names.into_iter().zip(view.topics.iter()) {
        let Some(name) = name else {
            let treatment = match topic.key.of(body) {
                TopicRef::Name(_) => Treatment::Refuse(Code::InvalidTopic, Refusal::InvalidTopic),
                TopicRef::Id(_) => Treatment::Refuse(Code::UnknownTopicId, Refusal::UnknownTopicId),
            };
            plans.push(Planned::Treated(TopicPlan { name: None, treatment }));
            continue;
        };
        let treatment = match decide(&requests.session.shared, policy, &name, version) {
            Decided::Clear => Treatment::Clear,
            Decided::Refuse(code, refusal) => Treatment::Refuse(code, refusal),
            Decided::Encrypt(_) | Decided::Pending
                if acknowledged && are_behind(requests, &name, partitions, body) =>
            {
                Treatment::Behind
            }
            Decided::Pending => Treatment::Refuse(Code::NotEnoughReplicas, Refusal::Pending),
            Decided::Encrypt(rule) => {
                let facts = requests.session.shared.topics.facts(&name);
                if facts.is_none() || requests.session.shared.topics.id(&name).is_none() {
                    unknown.push(Arc::clone(&name));
                }
                plans.push(Planned::ToSeal { name, rule });
                continue;
            }
        };
        plans.push(Planned::Treated(TopicPlan { name: Some(name), treatment }));
    }
    // Before the first of them is sealed, so that what is encrypted is never taken for history.
    let sealed = plans.iter().filter_map(|plan| match plan {
        Planned::ToSeal { name, .. } => Some(Arc::clone(name)),
        Planned::Treated(_) => None,
    });
    let due = history::due(&requests.session, sealed);
    history::take(requests, due).await?;
    if !unknown.is_empty() {
        lookup::ids(requests, &unknown).await?;
        lookup::facts(requests, &unknown).await?;
    }
    let mut planned = Vec::with_capacity(plans.len());
    for plan in plans {
        planned.push(match plan {
            Planned::Treated(plan) => plan,
            Planned::ToSeal { name, rule } => {
                let treatment = seal(requests, &name, &rule, deadline).await;
                TopicPlan { name: Some(name), treatment }
            }
        });
    }
    Ok(planned)
}

/// The names of the topics; ids that are not known are looked up once.
async fn resolve(
    requests: &mut Requests,
    view: &ProduceView,
    body: &[u8],
) -> Result<Vec<Option<Arc<str>>>, Close> {
    let known = |requests: &Requests, topic: &TopicRef<'_>| match topic {
        // Longer ones are never remembered.
        TopicRef::Name(name) => (name.len() <= MAX_NAME).then(|| Arc::from(*name)),
        TopicRef::Id(id) => requests.session.shared.topics.name(id),
    };
    let references: Vec<TopicRef<'_>> = view.topics.topics.iter().map(|topic| topic.key.of(body)).collect();
    let missing: Vec<TopicId> = references
        .iter()
        .filter_map(|topic| match topic {
            TopicRef::Id(id) if requests.session.shared.topics.is_askable(id) => Some(*id),
            _ => None,
        })
        .collect();
    if !missing.is_empty() {
        lookup::names(requests, &missing).await?;
    }
    Ok(references.iter().map(|topic| known(requests, topic)).collect())
}

fn are_behind(requests: &Requests, topic: &Arc<str>, partitions: &[ProducePartition], body: &[u8]) -> bool {
    let topic = TopicKey::Name(Arc::clone(topic));
    partitions.iter().all(|partition| {
        let records = partition.records.map_or(&[][..], |records| records.of(body));
        producer_of(&topic, partition.index, records)
            .is_some_and(|(producer, sequence)| requests.session.sequences.is_behind(&producer, sequence))
    })
}

/// The idempotent producer of a batch, and the batch's first sequence.
pub(super) fn producer_of(topic: &TopicKey, partition: i32, batch: &[u8]) -> Option<(Producer, i32)> {
    let header = BatchHeader::parse(batch).ok().filter(|header| header.producer_id >= 0)?;
    let topic = topic.clone();
    let producer = Producer { topic, partition, id: header.producer_id, epoch: header.producer_epoch };
    Some((producer, header.base_sequence))
}

enum Decided {
    Clear,
    Refuse(Code, Refusal),
    Pending,
    Encrypt(Arc<EncryptRule>),
}

/// Whether a policy lets the topic's batches pass in clear.
pub(super) fn is_clear(policy: Option<&LoadedPolicy>, name: &str) -> bool {
    policy.is_some_and(|policy| {
        matches!(
            policy.effective.decide(name),
            Decision::Internal | Decision::Disabled | Decision::Unmatched(UnmatchedTopics::Passthrough)
        )
    })
}

fn decide(shared: &Shared, policy: Option<&LoadedPolicy>, name: &Arc<str>, version: i16) -> Decided {
    let Some(policy) = policy else {
        return Decided::Refuse(Code::NotEnoughReplicas, Refusal::KeyUnavailable);
    };
    match policy.effective.decide(name) {
        Decision::Internal | Decision::Disabled => Decided::Clear,
        Decision::Unmatched(UnmatchedTopics::Passthrough) => {
            shared.note_unmatched(name);
            Decided::Clear
        }
        Decision::Unmatched(UnmatchedTopics::Reject) => {
            shared.note_unmatched(name);
            Decided::Refuse(Code::PolicyViolation, Refusal::UnmatchedRejected)
        }
        Decision::Retired(_) => Decided::Refuse(Code::PolicyViolation, Refusal::Retired),
        Decision::Encrypt(_) | Decision::Pending(_) if version < FIRST_VERSION => {
            Decided::Refuse(Code::UnsupportedVersion, Refusal::UnsupportedVersion)
        }
        Decision::Pending(_) => Decided::Pending,
        Decision::Encrypt(rule) => Decided::Encrypt(Arc::clone(rule)),
    }
}

async fn seal(requests: &Requests, name: &str, rule: &EncryptRule, deadline: Instant) -> Treatment {
    let facts = requests.session.shared.topics.facts(name).unwrap_or(Facts::UNKNOWN);
    let (format, if_compacted) = match (rule.format, facts.compacted) {
        (RuleFormat::Batch, Some(true)) => {
            return Treatment::Refuse(Code::PolicyViolation, Refusal::Compacted);
        }
        (RuleFormat::Batch, _) => (Format::Batch, Some(Code::PolicyViolation)),
        (RuleFormat::Auto, Some(false)) => (Format::Batch, Some(Code::NotEnoughReplicas)),
        // Only positive knowledge leads `Auto` to batch format.
        (RuleFormat::Auto | RuleFormat::Record, _) => (Format::Record, None),
    };
    match keys::of(&requests.session.shared, name, rule, deadline).await {
        Ok((key, pseudonyms)) => Treatment::Seal(SealPlan {
            key,
            format,
            headers: rule.headers.clone(),
            pseudonyms,
            max_message_bytes: facts.max_message_bytes,
            if_compacted,
        }),
        Err(error) => Treatment::NoKey(error),
    }
}

impl TopicPlan {
    /// What the audit log is told of a refusal for want of a key.
    pub(super) fn cause(&self) -> Option<String> {
        match &self.treatment {
            Treatment::NoKey(error) => Some(error.to_string()),
            _ => None,
        }
    }
}
