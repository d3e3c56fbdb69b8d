//! From the sources to one checked configuration, or to a list of everything that is wrong with them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use serde_json::Value as Json;

use super::{Config, check, suggest};

/// Name of the file that is read from the working directory if nothing else is asked for.
pub const DEFAULT_FILE: &str = "mussikon.toml";
const ENV_PREFIX: &str = "MUSSIKON_";
/// Begins the names of variables that are for tests, not for the hub.
const TESTS_PREFIX: &str = "MUSSIKON_TEST_";

/// Where to look for settings.
#[derive(Debug, Default)]
pub struct Sources {
    /// Which file.
    pub file: FileChoice,
    /// Variables of the environment; only those that begin with `MUSSIKON_`, but not with `MUSSIKON_TEST_`, are looked at.
    pub env: Vec<(OsString, OsString)>,
    /// Flags: how the flag is called, its key, its value.
    pub flags: Vec<(String, String, String)>,
}

/// Which file to read.
#[derive(Debug, Default)]
pub enum FileChoice {
    /// None.
    None,
    /// `mussikon.toml` in the working directory, if it is there.
    #[default]
    Default,
    /// This one; it must be there.
    Named(PathBuf),
}

/// A configuration and where its values come from.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Source of every key that is not at its default.
    pub origins: BTreeMap<String, String>,
}

/// One key given by one source.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Dotted key.
    pub key: String,
    /// Where it was set: name of the file, the variable or the flag.
    pub origin: String,
    given: Given,
}

#[derive(Debug, Clone)]
enum Given {
    /// A value with a type.
    Typed(Value),
    /// A text whose meaning depends on the key.
    Text(String),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key (or the file) it is about.
    pub key: String,
    /// Where the key was set, if it was.
    pub origin: Option<String>,
    /// What is wrong and what was expected.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) if *origin != self.key => {
                write!(f, "{} (from {origin}): {}", self.key, self.text)
            }
            _ => write!(f, "{}: {}", self.key, self.text),
        }
    }
}

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not valid:")?;
        self.0.iter().try_for_each(|p| write!(f, "\n  {p}"))
    }
}

/// Reads all sources and checks the result; reports all problems at once.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let schema = Schema::new();
    let mut problems = Vec::new();
    let mut settings = Vec::new();
    read_file(&sources.file, &schema, &mut settings, &mut problems);
    read_env(&sources.env, &mut settings, &mut problems);
    settings.extend(sources.flags.iter().map(|(flag, key, value)| Setting {
        key: key.clone(),
        origin: flag.clone(),
        given: Given::Text(value.clone()),
    }));

    let mut figment = schema.defaults.clone();
    let mut origins = BTreeMap::new();
    for setting in settings {
        match schema.value(&setting) {
            Ok(value) => figment = figment.merge((setting.key.as_str(), value)),
            Err(text) => problems.push(Problem {
                key: setting.key.clone(),
                origin: Some(setting.origin.clone()),
                text,
            }),
        }
        origins.insert(setting.key, setting.origin);
    }
    // What could not be read stays at its default here, so that the rest is checked all the same.
    match figment.extract::<Config>() {
        Ok(config) => {
            problems.extend(check::check(&config, &origins));
            if problems.is_empty() {
                return Ok(Loaded { config, origins });
            }
        }
        Err(error) => problems.push(Problem {
            key: error.path.join("."),
            origin: None,
            text: error.kind.to_string(),
        }),
    }
    Err(Problems(problems))
}

fn read_file(
    choice: &FileChoice,
    schema: &Schema,
    settings: &mut Vec<Setting>,
    problems: &mut Vec<Problem>,
) {
    let (path, required) = match choice {
        FileChoice::None => return,
        FileChoice::Default => (Path::new(DEFAULT_FILE), false),
        FileChoice::Named(path) => (path.as_path(), true),
    };
    let origin = path.display().to_string();
    let mut fail = |text: String| {
        problems.push(Problem {
            key: origin.clone(),
            origin: None,
            text,
        });
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !required => return,
        Err(e) => return fail(format!("cannot be read: {e}")),
    };
    match Figment::from(Toml::string(&text)).extract::<Dict>() {
        Ok(dict) => flatten(dict, "", schema, &origin, settings),
        Err(e) => fail(format!(
            "is not valid TOML: {}",
            unquoted(&e.kind.to_string())
        )),
    }
}

/// A parser's message without the line it quotes: that may hold a secret.
fn unquoted(message: &str) -> String {
    let quotes = |line: &&str| {
        let number = line
            .trim_start()
            .trim_start_matches(|c: char| c.is_ascii_digit());
        number.trim_start().starts_with('|')
    };
    let lines: Vec<&str> = message.lines().filter(|line| !quotes(line)).collect();
    lines.join(": ")
}

/// Takes tables apart down to the keys that the schema knows.
fn flatten(dict: Dict, prefix: &str, schema: &Schema, origin: &str, settings: &mut Vec<Setting>) {
    for (name, value) in dict {
        let key = format!("{prefix}{name}");
        match value {
            Value::Dict(_, inner) if schema.is_section(&key) => {
                flatten(inner, &format!("{key}."), schema, origin, settings);
            }
            value => settings.push(Setting {
                key,
                origin: origin.to_owned(),
                given: Given::Typed(value),
            }),
        }
    }
}

fn read_env(
    env: &[(OsString, OsString)],
    settings: &mut Vec<Setting>,
    problems: &mut Vec<Problem>,
) {
    let mut env: Vec<_> = env.iter().collect();
    env.sort();
    for (name, value) in env {
        let name = name.to_string_lossy();
        let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
            continue;
        };
        if name.starts_with(TESTS_PREFIX) {
            continue;
        }
        let key = rest.to_ascii_lowercase().replace("__", ".");
        match value.to_str() {
            Some(value) => settings.push(Setting {
                key,
                origin: name.into_owned(),
                given: Given::Text(value.to_owned()),
            }),
            None => problems.push(Problem {
                key,
                origin: Some(name.into_owned()),
                text: "is not valid UTF-8".into(),
            }),
        }
    }
}

/// Which keys there are, and of which type.
struct Schema {
    tree: Json,
    defaults: Figment,
}

impl Schema {
    fn new() -> Self {
        let defaults = Config::default();
        Self {
            tree: serde_json::to_value(&defaults).unwrap_or_default(),
            defaults: Figment::from(Serialized::defaults(defaults)),
        }
    }

    fn find(&self, key: &str) -> Option<&Json> {
        key.split('.')
            .try_fold(&self.tree, |node, part| node.get(part))
    }

    fn is_section(&self, key: &str) -> bool {
        self.find(key).is_some_and(Json::is_object)
    }

    /// The value of a setting, if a configuration with it alone can be read; else what is wrong.
    fn value(&self, setting: &Setting) -> Result<Value, String> {
        let key = setting.key.as_str();
        let default = self.find(key).ok_or_else(|| self.unknown(key))?;
        if default.is_object() {
            return Err("is a section: set its keys instead".into());
        }
        let value = match &setting.given {
            Given::Typed(value) => value.clone(),
            Given::Text(text) => from_text(text, default)?,
        };
        let alone = self.defaults.clone().merge((key, value.clone()));
        match alone.extract::<Config>() {
            Ok(_) => Ok(value),
            // Secrets are among the keys without a default: of none of those a value is ever shown.
            Err(error) => Err(describe(error, default.is_null())),
        }
    }

    fn unknown(&self, key: &str) -> String {
        let mut known = Vec::new();
        leaves(&self.tree, "", &mut |key, _| known.push(key.to_owned()));
        match suggest::nearest(key, known.iter().map(String::as_str)) {
            Some(near) => format!("there is no such key; did you mean {near}?"),
            None => "there is no such key".into(),
        }
    }
}

/// Walks over all keys of a configuration and their values.
pub(crate) fn leaves(tree: &Json, prefix: &str, visit: &mut dyn FnMut(&str, &Json)) {
    match tree {
        Json::Object(map) => map.iter().for_each(|(name, value)| {
            let separator = if prefix.is_empty() { "" } else { "." };
            leaves(value, &format!("{prefix}{separator}{name}"), visit);
        }),
        value => visit(prefix, value),
    }
}

/// Reads a text as the type that its key has by default.
fn from_text(text: &str, default: &Json) -> Result<Value, String> {
    let plain = text.trim();
    let wrong = |expected: &str| format!("expected {expected}, found {text:?}");
    Ok(match default {
        Json::Bool(_) => match plain {
            "true" => Value::from(true),
            "false" => Value::from(false),
            _ => return Err(wrong("true or false")),
        },
        Json::Number(n) if n.is_f64() => {
            Value::from(plain.parse::<f64>().map_err(|_| wrong("a number"))?)
        }
        Json::Number(_) => Value::from(
            plain
                .replace('_', "")
                .parse::<u64>()
                .map_err(|_| wrong("a whole number, 0 or more"))?,
        ),
        Json::Array(_) => {
            let items = plain.split(',').map(str::trim).filter(|s| !s.is_empty());
            Value::from(items.map(str::to_owned).collect::<Vec<_>>())
        }
        // Only optional texts have no value by default; an empty one is as good as none.
        Json::Null if text.is_empty() => Value::from(figment::value::Empty::None),
        _ => Value::from(text.to_owned()),
    })
}

fn describe(error: figment::Error, secret: bool) -> String {
    use figment::error::Kind;
    let shown = |actual: &figment::error::Actual| {
        if secret {
            "something else".to_owned()
        } else {
            actual.to_string()
        }
    };
    match &error.kind {
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            format!("expected {expected}, found {}", shown(actual))
        }
        Kind::UnknownVariant(found, known) => {
            format!("expected one of {}, found {found:?}", known.join(", "))
        }
        _ if secret => "expected a text".into(),
        kind => kind.to_string(),
    }
}
