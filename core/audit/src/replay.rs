//! Computes every decision again: policy and context from `close`, facts and call from each intent.

use crate::chain::class_of;
use crate::fields::{FieldError, Fields};
use crate::record::{Intent, Open, RuleReference};
use crate::report::Decisions;
use crate::verify::Corrupt;
use ioi_canon::{Map, Value};
use ioi_firewall::{Call, Context, Decision, ENGINE_VERSION, Facts, Policy, RateState, Source, UNTRUSTED};
use ioi_types::Verdict;
use std::collections::BTreeMap;

/// The policy's opening, `{context, name, text}`.
pub(crate) fn policy_value(source: &Source, context: &Context) -> Value {
    Value::map([
        ("context", context.to_value()),
        ("name", Value::from(source.name.as_str())),
        ("text", source.text.as_str().into()),
    ])
}

/// A session's decisions, taken again in the order of its intents.
pub(crate) struct Replay {
    /// What the policy's opening held; `None` when it was redacted.
    source: Option<(Source, Context)>,
    /// Compiled once `open` said by which engine.
    policy: Option<Policy>,
    rates: RateState,
    /// What the session has taken in by calls that were decided again, and by which record.
    labels: BTreeMap<String, u64>,
    /// A call before was redacted, so the buckets may hold tokens that it took.
    blind: bool,
    totals: Decisions,
    engine_unknown: Option<String>,
}

impl Replay {
    /// Of a receipt whose policy was redacted.
    pub(crate) fn redacted() -> Self {
        let (source, policy, engine_unknown) = (None, None, None);
        Self {
            source,
            policy,
            rates: RateState::new(),
            labels: BTreeMap::new(),
            blind: false,
            totals: Decisions::default(),
            engine_unknown,
        }
    }

    /// Of a receipt with its policy.
    pub(crate) fn of(policy: Value) -> Result<Self, FieldError> {
        let mut fields = Fields::of(policy)?;
        let source = Source::new(fields.text("name")?, fields.text("text")?);
        let context = Value::Map(fields.map("context")?);
        let context =
            Context::from_value(&context).ok_or(FieldError::Shape("context", "a policy's context"))?;
        fields.finish()?;
        Ok(Self { source: Some((source, context)), ..Self::redacted() })
    }

    pub(crate) fn policy_name(&self) -> Option<String> {
        self.source.as_ref().map(|(source, _)| source.name.clone())
    }

    /// Compiles the policy and compares it with the hash in `open`.
    pub(crate) fn opened(&mut self, open: &Open) -> Result<(), Corrupt> {
        if open.engine != ENGINE_VERSION {
            self.engine_unknown = Some(open.engine.clone());
            return Ok(());
        }
        let Some((source, context)) = &self.source else { return Ok(()) };
        let policy = Policy::compile(source, context).map_err(|found| {
            let first = found.first().map(ToString::to_string).unwrap_or_default();
            Corrupt(format!("the policy does not compile: {first}"))
        })?;
        if policy.hash() != open.policy {
            return Err(Corrupt(format!(
                "the policy has the hash {}, `open` names {}",
                policy.hash(),
                open.policy
            )));
        }
        self.policy = Some(policy);
        Ok(())
    }

    /// Takes the decision again and compares. Without its arguments, or without
    /// the policy, it is counted as not recomputable.
    pub(crate) fn check(&mut self, seq: u64, intent: &Intent, args: Option<Map>) -> Result<(), Corrupt> {
        if self.policy.is_none() {
            return self.skip();
        }
        if intent.class != class_of(&intent.action) {
            return Err(Corrupt(format!(
                "intent {seq} is recorded as {}, which it is not",
                intent.class.name()
            )));
        }
        let facts =
            Facts::from_value(&intent.facts).ok_or_else(|| Corrupt(format!("intent {seq} has no facts")))?;
        self.check_labels(seq, &facts)?;
        let Some(args) = args else {
            self.blind = true;
            return self.skip();
        };
        let Some(policy) = &self.policy else { return self.skip() };
        let call = Call::new(intent.principals.iter(), &intent.action, args);
        let rates_before = self.blind.then(|| self.rates.clone());
        let decision = policy.decide(&call, &facts, &mut self.rates);
        if agrees(intent, &decision) {
            self.totals.recomputed += 1;
            if intent.verdict == Verdict::Allow {
                self.take_in(decision.labels, seq);
            }
            return Ok(());
        }
        // A redacted call may have taken the last token of a rate. Then the log is
        // stricter than the replay, never laxer, and the replay gives its token back,
        // so that it goes on holding at least what the session held.
        match rates_before {
            Some(rates) if intent.verdict >= decision.verdict => {
                self.rates = rates;
                self.skip()
            }
            _ => Err(Corrupt(format!(
                "intent {seq} is recorded as {}, the policy says {}",
                intent.verdict, decision.verdict
            ))),
        }
    }

    /// A process was started; what a plugin says is untrusted unless the policy says otherwise.
    pub(crate) fn started(&mut self, seq: u64, name: &str) {
        if let Some(policy) = &self.policy
            && name.starts_with("plugin:")
            && !policy.trusts(name)
        {
            self.take_in([UNTRUSTED.to_owned()], seq);
        }
    }

    fn take_in(&mut self, labels: impl IntoIterator<Item = String>, seq: u64) {
        for label in labels {
            self.labels.entry(label).or_insert(seq);
        }
    }

    /// A session never loses a label, and has none from a record that was still to come.
    fn check_labels(&self, seq: u64, facts: &Facts) -> Result<(), Corrupt> {
        if let Some((label, from)) = self.labels.iter().find(|(label, _)| !facts.labels.contains_key(*label))
        {
            return Err(Corrupt(format!(
                "intent {seq} lacks the label `{label}`, which came with record {from}"
            )));
        }
        match facts.labels.iter().find(|(_, from)| **from >= seq) {
            Some((label, from)) => Err(Corrupt(format!(
                "intent {seq} has the label `{label}` from record {from}, which is later"
            ))),
            None => Ok(()),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the last step of functions that return a result")]
    const fn skip(&mut self) -> Result<(), Corrupt> {
        self.totals.redacted += 1;
        Ok(())
    }

    pub(crate) const fn totals(&self) -> Decisions {
        self.totals
    }

    pub(crate) fn engine_unknown(&self) -> Option<String> {
        self.engine_unknown.clone()
    }
}

fn agrees(intent: &Intent, decision: &Decision) -> bool {
    let rule = decision.rule.as_ref().map(RuleReference::of);
    intent.verdict == decision.verdict && intent.origin == decision.origin.name() && intent.rule == rule
}
