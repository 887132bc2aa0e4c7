//! What is found.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// One thing worth saying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where; empty if no file is meant.
    pub file: PathBuf,
    /// Which document of the file, from 1; 0 if the whole file is meant.
    pub document: usize,
    /// The line on which the document begins or is no YAML, from 1; 0 if the whole file is meant.
    pub line: usize,
    /// How bad.
    pub severity: Severity,
    /// What kind of thing.
    pub code: Code,
    /// Which object, if one is meant.
    pub object: Option<ObjectRef>,
    /// Which field; empty if the whole object is meant.
    pub field: String,
    /// What is wrong, for people.
    pub message: String,
}

/// How bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// May not be meant so.
    Warning,
    /// The cluster would refuse it, or something would not work.
    #[default]
    Error,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Code {
    /// A file that cannot be read.
    #[default]
    Unreadable,
    /// Not YAML.
    Syntax,
    /// A template that is no YAML, of which nothing is checked.
    Template,
    /// Nothing of ours in all the files.
    NothingFound,
    /// A version or kind of our group that does not exist.
    UnknownKind,
    /// An object without a name, or with an impossible one.
    Name,
    /// The same object twice.
    Duplicate,
    /// A field that does not exist.
    UnknownField,
    /// Against the schema.
    Schema,
    /// Against a rule of the definition.
    Rule,
    /// A `Kafka` that is not among the files, while others are.
    UnknownKafka,
    /// A second `EncryptionProxy` for one Kafka cluster.
    SecondProxy,
    /// The name of a Kafka cluster that leaves no room for names of Services.
    NameTooLong,
    /// Settings of an `EncryptionProxy` that make no proxy.
    InvalidSettings,
    /// Listeners without room for a port for every broker.
    ListenersTooClose,
    /// A `Kafka` that is not what the operator knows.
    KafkaMalformed,
    /// A `KafkaNodePool` that is not what the operator knows, or that contradicts another.
    KafkaNodePoolInvalid,
    /// Brokers whose addresses make no names.
    BrokersUnknown,
    /// `listenerName` is no listener of the Kafka cluster.
    ListenerNotFound,
    /// All listeners of the Kafka cluster lead out of Kubernetes.
    NoInternalListener,
    /// Nobody can log in through a proxy at the listener.
    ListenerAuthentication,
    /// The listener leads out of Kubernetes.
    ListenerTypeUnsupported,
    /// A `KafkaUser` that proxies cannot connect as.
    KafkaUserUnusable,
    /// A policy with patterns of another.
    Conflicted,
    /// A policy that cannot be carried out.
    Invalid,
    /// A policy of a namespace that does not count.
    NamespaceNotAllowed,
    /// Something that the files do not tell.
    NotDecidable,
    /// A rule that never applies.
    ShadowedRule,
    /// A pattern that names internal topics.
    InternalTopic,
    /// A rule under which clear records are delivered.
    PlaintextPasses,
    /// A rule under which consumers go past records that they cannot read.
    UnreadableSkipped,
    /// A rule for all topics that no narrower pattern is for.
    CatchAll,
    /// A pattern within one of another policy of the same namespace.
    OverlappingPolicies,
    /// A rule that does not clear all that lies within its pattern.
    StillRetired,
    /// A rule of another namespace that leaves nothing clear.
    NoEffect,
    /// A topic that is left in clear.
    TopicInClear,
    /// A topic that nobody can write to.
    TopicRefused,
    /// `format: Batch` for a compacted topic.
    BatchOnCompactedTopic,
    /// A topic whose `max.message.bytes` leaves little room for what encryption adds.
    SizeHeadroom,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// All that was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: Vec<Finding>,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    pub(super) fn any_error(&self) -> bool {
        self.found.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// By place, and for one place in the order in which they were found.
    pub(super) fn sorted(mut self) -> Vec<Finding> {
        self.found.sort_by(|a, b| (&a.file, a.document).cmp(&(&b.file, b.document)));
        self.found
    }
}

impl Default for Finding {
    fn default() -> Self {
        Self {
            file: PathBuf::new(),
            document: 0,
            line: 0,
            severity: Severity::default(),
            code: Code::default(),
            object: None,
            field: String::new(),
            message: String::new(),
        }
    }
}

impl Severity {
    /// As it stands in a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// `file:line: severity: object: field: message`, without the parts that are not there, as editors and CI know it from
/// compilers.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.as_os_str().is_empty() {
            write!(f, "{}:", self.file.display())?;
            if self.line > 0 {
                write!(f, "{}:", self.line)?;
            }
            write!(f, " ")?;
        }
        write!(f, "{}: ", self.severity.as_str())?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}
