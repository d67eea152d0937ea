//! Each kind of record as the fields beside the common ones, and back. Reading is
//! strict: a field that is missing, misshapen or unknown is an error.

use crate::fields::{FieldError, Fields, integer, strings};
use crate::profile::Profile;
use crate::record::{
    Body, Class, Close, Ended, Intent, Open, Outcome, RuleReference, Slice, SliceSummary, Started, Status,
    Witnessed,
};
use ioi_canon::{Map, Value};
use ioi_types::Verdict;

impl Body {
    pub(crate) fn write(&self, map: &mut Map) {
        let entries = match self {
            Self::Open(open) => open.entries(),
            Self::Intent(intent) => intent.entries(),
            Self::Outcome(outcome) => outcome.entries(),
            Self::Slice(slice) => slice.entries(),
            Self::Started(started) => started.entries(),
            Self::Ended(ended) => ended.entries(),
            Self::Close(close) => close.entries(),
        };
        map.extend(entries.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }

    pub(crate) fn read(kind: &str, fields: &mut Fields) -> Result<Self, FieldError> {
        match kind {
            "open" => Open::read(fields).map(Self::Open),
            "intent" => Intent::read(fields).map(Self::Intent),
            "outcome" => Outcome::read(fields).map(Self::Outcome),
            "slice" => Slice::read(fields).map(Self::Slice),
            "started" => Started::read(fields).map(Self::Started),
            "ended" => Ended::read(fields).map(Self::Ended),
            "close" => Close::read(fields).map(Self::Close),
            _ => Err(FieldError::Shape("kind", "a kind of record")),
        }
    }
}

type Entries = Vec<(&'static str, Value)>;

impl Open {
    fn entries(&self) -> Entries {
        vec![
            ("log", self.log.to_string().into()),
            ("boot", self.boot.to_string().into()),
            ("command", self.command.as_str().into()),
            ("policy", self.policy.to_string().into()),
            ("engine", self.engine.as_str().into()),
            ("sandboxed", self.sandboxed.into()),
            ("processes", profiles_value(&self.processes)),
        ]
    }

    fn read(fields: &mut Fields) -> Result<Self, FieldError> {
        Ok(Self {
            log: fields.parsed("log", "32 hex digits")?,
            boot: fields.parsed("boot", "32 hex digits")?,
            command: fields.text("command")?,
            policy: fields.sha256("policy")?,
            engine: fields.text("engine")?,
            sandboxed: fields.truth("sandboxed")?,
            processes: profiles(fields)?,
        })
    }
}

impl Intent {
    fn entries(&self) -> Entries {
        let mut entries = vec![
            ("class", self.class.name().into()),
            ("principals", strings(&self.principals)),
            ("action", self.action.as_str().into()),
            ("args", self.args.to_string().into()),
            ("facts", self.facts.clone()),
            ("verdict", self.verdict.name().into()),
            ("origin", self.origin.as_str().into()),
        ];
        if let Some(rule) = &self.rule {
            let value = Value::map([("id", Value::from(rule.id.as_str())), ("line", integer(rule.line))]);
            entries.push(("rule", value));
        }
        entries
    }

    fn read(fields: &mut Fields) -> Result<Self, FieldError> {
        let class = fields.text("class")?;
        let verdict = fields.text("verdict")?;
        Ok(Self {
            class: Class::ALL
                .into_iter()
                .find(|known| known.name() == class)
                .ok_or(FieldError::Shape("class", "effect, observation or local"))?,
            principals: fields.texts("principals")?,
            action: fields.text("action")?,
            args: fields.sha256("args")?,
            facts: Value::Map(fields.map("facts")?),
            verdict: Verdict::from_name(&verdict)
                .ok_or(FieldError::Shape("verdict", "allow, ask or deny"))?,
            origin: fields.text("origin")?,
            rule: fields.optional("rule").map(RuleReference::from_value).transpose()?,
        })
    }
}

impl RuleReference {
    fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = Fields::of(value)?;
        let rule = Self { id: fields.text("id")?, line: fields.count("line")? };
        fields.finish()?;
        Ok(rule)
    }
}

impl Outcome {
    fn entries(&self) -> Entries {
        let results = self.results.iter().map(Witnessed::to_value).collect();
        let mut entries = vec![
            ("intent", integer(self.intent)),
            ("status", self.status.name().into()),
            ("results", Value::List(results)),
        ];
        if let Status::Failed(code) = &self.status {
            entries.push(("code", code.as_str().into()));
        }
        entries
    }

    fn read(fields: &mut Fields) -> Result<Self, FieldError> {
        let status = match fields.text("status")?.as_str() {
            "ok" => Status::Ok,
            "failed" => Status::Failed(fields.text("code")?),
            "refused" => Status::Refused,
            "unknown" => Status::Unknown,
            _ => return Err(FieldError::Shape("status", "ok, failed, refused or unknown")),
        };
        let results = fields.list("results")?.into_iter().map(Witnessed::from_value);
        Ok(Self { intent: fields.count("intent")?, status, results: results.collect::<Result<_, _>>()? })
    }
}

impl Witnessed {
    fn to_value(&self) -> Value {
        Value::map([
            ("what", Value::from(self.what.as_str())),
            ("digest", self.digest.to_string().into()),
            ("bytes", integer(self.bytes)),
            ("by", self.by.as_str().into()),
        ])
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = Fields::of(value)?;
        let result = Self {
            what: fields.text("what")?,
            digest: fields.digest("digest")?,
            bytes: fields.count("bytes")?,
            by: fields.text("by")?,
        };
        fields.finish()?;
        Ok(result)
    }
}

impl Slice {
    fn entries(&self) -> Entries {
        vec![
            ("region", integer(self.region)),
            ("digest", self.digest.to_string().into()),
            ("bytes", integer(self.bytes)),
            ("by", self.by.as_str().into()),
            ("from", self.from.as_str().into()),
            ("to", self.to.as_str().into()),
            ("labels", strings(&self.labels)),
        ]
    }

    fn read(fields: &mut Fields) -> Result<Self, FieldError> {
        Ok(Self {
            region: fields.count("region")?,
            digest: fields.digest("digest")?,
            bytes: fields.count("bytes")?,
            by: fields.text("by")?,
            from: fields.text("from")?,
            to: fields.text("to")?,
            labels: fields.texts("labels")?,
        })
    }
}

impl Started {
    fn entries(&self) -> Entries {
        vec![("instance", integer(self.instance)), ("process", self.process.to_value())]
    }

    fn read(fields: &mut Fields) -> Result<Self, FieldError> {
        Ok(Self {
            instance: fields.count("instance")?,
            process: Profile::from_value(fields.value("process")?)?,
        })
    }
}

impl Ended {
    fn entries(&self) -> Entries {
        vec![
            ("instance", integer(self.instance)),
            ("name", self.name.as_str().into()),
            ("code", self.code.into()),
            ("signal", integer(self.signal)),
        ]
    }

    fn read(fields: &mut Fields) -> Result<Self, FieldError> {
        Ok(Self {
            instance: fields.count("instance")?,
            name: fields.text("name")?,
            code: fields.signed("code")?,
            signal: fields.count("signal")?,
        })
    }
}

impl Close {
    fn entries(&self) -> Entries {
        let mut entries = vec![
            ("leaves", integer(self.leaves)),
            ("processes", profiles_value(&self.processes)),
            ("slices", Value::List(self.slices.iter().map(SliceSummary::to_value).collect())),
        ];
        entries.push(("task", self.task.to_string().into()));
        entries.extend(self.answer.map(|answer| ("answer", answer.to_string().into())));
        entries.extend(self.citations.map(|citations| ("citations", citations.to_string().into())));
        entries.push(("policy", self.policy.to_string().into()));
        entries
    }

    fn read(fields: &mut Fields) -> Result<Self, FieldError> {
        let slices = fields.list("slices")?.into_iter().map(SliceSummary::from_value);
        Ok(Self {
            slices: slices.collect::<Result<_, _>>()?,
            leaves: fields.count("leaves")?,
            task: fields.sha256("task")?,
            answer: fields.sha256_optional("answer")?,
            citations: fields.sha256_optional("citations")?,
            policy: fields.sha256("policy")?,
            processes: profiles(fields)?,
        })
    }
}

impl SliceSummary {
    fn to_value(&self) -> Value {
        Value::map([
            ("seq", integer(self.seq)),
            ("digest", self.digest.to_string().into()),
            ("bytes", integer(self.bytes)),
            ("by", self.by.as_str().into()),
        ])
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = Fields::of(value)?;
        let summary = Self {
            seq: fields.count("seq")?,
            digest: fields.digest("digest")?,
            bytes: fields.count("bytes")?,
            by: fields.text("by")?,
        };
        fields.finish()?;
        Ok(summary)
    }
}

fn profiles_value(profiles: &[Profile]) -> Value {
    Value::List(profiles.iter().map(Profile::to_value).collect())
}

fn profiles(fields: &mut Fields) -> Result<Vec<Profile>, FieldError> {
    fields.list("processes")?.into_iter().map(Profile::from_value).collect()
}
