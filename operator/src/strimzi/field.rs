//! One field of an object, with its path, so that a mistake can be named.

use serde_json::Value;

/// Why an object could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not even the frame of a Kubernetes object.
    #[error("failed to read the object's metadata: {source}")]
    Metadata {
        /// What `metadata` should have been.
        source: serde_json::Error,
    },
    /// A field that the object cannot be understood without.
    #[error("{field} is missing")]
    Missing {
        /// Its path, such as `spec.kafka.listeners[0].port`.
        field: String,
    },
    /// A field of the wrong type.
    #[error("{field} must be {expected}")]
    Type {
        /// Its path.
        field: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// A field of the right type with a value that means nothing.
    #[error("{field} {problem}")]
    Value {
        /// Its path.
        field: String,
        /// What is wrong, such as "must be a port".
        problem: String,
    },
}

/// A place in an object. `null` is the same as absent, as everywhere in Kubernetes.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    path: String,
    value: Option<&'a Value>,
}

impl<'a> Field<'a> {
    /// A field directly under the object.
    pub(super) fn top(object: &'a Value, name: &str) -> Self {
        Self::new(name.to_owned(), object.get(name))
    }

    /// Text of another kind, such as an annotation, read as a document of its own.
    pub(super) fn document(path: &str, value: &'a Value) -> Self {
        Self::new(path.to_owned(), Some(value))
    }

    /// The field of that name in this one; absent if this one is absent.
    pub(super) fn get(&self, name: &str) -> Result<Self, ParseError> {
        let path = format!("{}.{name}", self.path);
        match self.value {
            None => Ok(Self::new(path, None)),
            Some(Value::Object(fields)) => Ok(Self::new(path, fields.get(name))),
            Some(_) => Err(self.expected("an object")),
        }
    }

    /// Whether it is there.
    pub(super) fn is_present(&self) -> bool {
        self.value.is_some()
    }

    /// The value as it is.
    pub(super) fn raw(&self) -> Option<&'a Value> {
        self.value
    }

    /// Text, where it is there.
    pub(super) fn text(&self) -> Result<Option<&'a str>, ParseError> {
        self.read(Value::as_str, "text")
    }

    /// Text that becomes our own.
    pub(super) fn owned(&self) -> Result<Option<String>, ParseError> {
        Ok(self.text()?.map(str::to_owned))
    }

    /// A whole number, where it is there.
    pub(super) fn integer(&self) -> Result<Option<i64>, ParseError> {
        self.read(Value::as_i64, "a whole number")
    }

    /// True or false, where it is there.
    pub(super) fn flag(&self) -> Result<Option<bool>, ParseError> {
        self.read(Value::as_bool, "true or false")
    }

    /// The elements of a list; none if it is absent.
    pub(super) fn items(&self) -> Result<Vec<Self>, ParseError> {
        let items = self.read(Value::as_array, "a list")?.into_iter().flatten().enumerate();
        Ok(items.map(|(at, item)| Self::new(format!("{}[{at}]", self.path), Some(item))).collect())
    }

    /// The texts of a list; none if it is absent.
    pub(super) fn texts(&self) -> Result<Vec<String>, ParseError> {
        self.items()?.iter().map(|item| item.require(item.owned()?)).collect()
    }

    /// What the field was read as, which must be there.
    pub(super) fn require<T>(&self, read: Option<T>) -> Result<T, ParseError> {
        read.ok_or_else(|| ParseError::Missing { field: self.path.clone() })
    }

    /// The error that the field is of the wrong type.
    pub(super) fn expected(&self, expected: &'static str) -> ParseError {
        ParseError::Type { field: self.path.clone(), expected }
    }

    /// The error that the field's value means nothing.
    pub(super) fn wrong(&self, problem: impl Into<String>) -> ParseError {
        ParseError::Value { field: self.path.clone(), problem: problem.into() }
    }

    fn new(path: String, value: Option<&'a Value>) -> Self {
        Self { path, value: value.filter(|value| !value.is_null()) }
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&'a Value) -> Option<T>,
        expected: &'static str,
    ) -> Result<Option<T>, ParseError> {
        self.value.map(|value| read(value).ok_or_else(|| self.expected(expected))).transpose()
    }
}
