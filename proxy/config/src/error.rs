//! What is wrong with a file: a list of mistakes, each with the path of its field.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Path, PathBuf};

/// More mistakes than a person reads; the rest is only counted, so that a hostile file cannot fill memory or
/// a log.
const MOST_KEPT: usize = 100;

/// One mistake in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    path: String,
    problem: String,
}

/// Everything that is wrong with one configuration file. Displayed as one line for each mistake, `path:
/// problem`, with the name of the file in front where it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    file: Option<PathBuf>,
    mistakes: Vec<Mistake>,
    omitted: usize,
}

/// Collects mistakes while a document is read. Shared by all readers of the document, hence the interior
/// mutability.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    kept: RefCell<Vec<Mistake>>,
    omitted: Cell<usize>,
}

impl Mistake {
    pub(crate) fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }

    /// The path of the field, such as `listeners[0].brokerPorts.start`; empty where the whole file is meant.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it, for people.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "{}: {}", self.path, self.problem)
        }
    }
}

impl ConfigErrors {
    /// The mistakes, in the order of the fields' description; at most the first hundred.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// The file, where it was read from one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }
}

impl From<Mistake> for ConfigErrors {
    fn from(mistake: Mistake) -> Self {
        Self { file: None, mistakes: vec![mistake], omitted: 0 }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            if let Some(file) = &self.file {
                write!(f, "{}: ", file.display())?;
            }
            mistake.fmt(f)?;
        }
        if self.omitted > 0 {
            write!(f, "\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl Mistakes {
    pub(crate) fn add(&self, path: impl Into<String>, problem: impl Into<String>) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < MOST_KEPT {
            kept.push(Mistake::new(path, problem));
        } else {
            self.omitted.set(self.omitted.get().saturating_add(1));
        }
    }

    /// The value, if it was read without a single mistake.
    pub(crate) fn or_value<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        let mistakes = self.kept.into_inner();
        match value {
            Some(value) if mistakes.is_empty() => Ok(value),
            None if mistakes.is_empty() => Err(Mistake::new("", "cannot be read").into()),
            _ => Err(ConfigErrors { file: None, mistakes, omitted: self.omitted.get() }),
        }
    }
}
