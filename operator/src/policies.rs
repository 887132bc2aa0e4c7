//! From the policies of one Kafka cluster to what its proxies are told. Pure: no clock, no network.
//!
//! [`merge()`] joins all [`Submission`]s with the [`Ledger`] of what was ever encrypted into one [`Program`], the meaning of
//! a `policy.yaml`, and a [`Verdict`] for each policy. [`first_step`] says what proxies must be told before that, so that
//! none writes what another cannot read and none writes clear what another encrypts, and [`preparation`] what before that, so
//! that writes wait no longer than they must.
//!
//! # Who wins
//!
//! A pattern belongs to one policy. Rules whose patterns contain each other are ordered, the narrower wins, and that is no
//! conflict within one namespace. These are:
//!
//! - **The same pattern twice.** The policy that the ledger remembers wins, for as long as it names the pattern, then the
//!   older, then the first by namespace and name.
//! - **A pattern that the ledger remembers for another namespace**, or a pattern within one: what a tenant encrypted stays
//!   that tenant's, also after the tenant's policy is gone. Another namespace must neither clear it nor put it under a key
//!   of its own, from where it could clear it next.
//! - **A pattern within one of an older policy of another namespace.** The other way round, a younger policy may put a
//!   wider pattern around an older narrow one, except that it may not claim to encrypt what an older policy of the Kafka
//!   cluster's namespace keeps clear.
//!
//! Policies of other namespaces than the Kafka cluster's do not speak for the cluster: `any` is no pattern for them, and
//! their `Disabled` rules have an effect only on what their namespace encrypts or did encrypt.
//!
//! A policy with a single conflict is refused as a whole, as is an invalid one: half a policy in force would look like
//! all of it. Then
//!
//! - patterns that belong to another policy, or lie within one of another namespace, follow that;
//! - the topics of its other encrypting rules are refused ([`Treatment::Retired`]), never clear;
//! - its `Disabled` rules have no effect.
//!
//! Policies of namespaces that are not allowed have no effect at all. Whatever the ledger holds and no rule in force
//! encrypts or disables is retired.
//!
//! # When the ledger forgets
//!
//! A `Disabled` rule of the owner's namespace clears what lies within its pattern, except where a narrower pattern was
//! encrypted. With the very same pattern it also removes the entry, unless the pattern lies within one of another
//! namespace: there the entry is what says that its owner was first. What the ledger has forgotten is free: the oldest
//! policy that names it gets it.

mod claim;
mod history;
mod ledger;
mod legacy;
mod merge;
mod pattern_map;
mod policy_id;
mod program;
mod reach;
mod rollout;
mod submission;
mod text;
mod verdict;

pub(crate) use self::history::TopicHistoryText;
pub use self::ledger::{Ledger, LedgerEntry, ProviderIdentity};
pub use self::merge::{Merged, merge, namespace_not_allowed};
pub use self::pattern_map::PatternMap;
pub use self::policy_id::{InvalidPolicyId, PolicyId};
pub use self::program::{Encrypt, MergedRule, Program, Treatment};
pub use self::rollout::{first_step, preparation, unchanged};
pub use self::submission::{Admission, Inputs, ProviderKind, Submission, providers};
pub(crate) use self::text::PatternText;
pub use self::text::TextError;
pub use self::verdict::{Problem, Reason, Verdict, Warning, WarningKind};
