//! Two frames: what the plugin can, what the host chose.

use super::{Effect, Effects, Limits, Now, Ready, Role, Session, State};
use crate::error::Violation;
use crate::frame::{Flags, FrameType, Header, VERSION};
use crate::message::{self, Checked, Fault};
use prost::Message;

/// What this build speaks, below [`VERSION`]: the lowest there is, so every 1.x peer speaks it too.
const MINOR: u32 = 0;
/// Features of version 1 that are built: none.
const FEATURES: [&str; 0] = [];

const fn bad(what: Fault) -> Violation {
    Violation::Payload { kind: FrameType::Handshake, what }
}

impl Session {
    /// The plugin's first frame.
    pub(super) fn open_handshake(&mut self, now: Now, effects: &mut Effects) {
        let id = self.next_id();
        let hello = message::Handshake {
            versions: vec![message::Version { major: VERSION.into(), minor: MINOR }],
            features: FEATURES.map(str::to_owned).to_vec(),
            sdk: self.name.clone(),
            nonce: self.nonce.to_vec(),
            limits: Some(self.limits.to_wire()),
            ..message::Handshake::default()
        };
        self.send(now, (FrameType::Handshake, Flags::NONE, id), &hello.encode_to_vec(), effects);
    }

    pub(super) fn on_handshake(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        if self.state != State::Handshake {
            return Err(Violation::State { kind: FrameType::Handshake, what: "the handshake has ended" });
        }
        let hello = message::Handshake::read(payload).map_err(bad)?;
        let offered = hello.limits.as_ref().and_then(Limits::from_wire);
        let offered = offered.ok_or(bad("limits are missing or outside their ranges"))?;
        let features = match self.role {
            Role::Host => self.answer_handshake(now, header, &hello, offered, effects)?,
            Role::Plugin => self.accept_handshake(header, &hello, offered)?,
        };
        self.state = State::Ready;
        self.decoder.set_payload_bytes_max(self.limits.payload_bytes_max as usize);
        self.next_beat_ms = now.monotonic_ms.saturating_add(self.limits.heartbeat_interval_ms.into());
        let session_id = self.session_id;
        effects.list.push(Effect::Ready(Ready {
            limits: self.limits,
            session_id,
            peer: hello.sdk,
            features,
        }));
        Ok(())
    }

    fn answer_handshake(
        &mut self,
        now: Now,
        header: &Header,
        hello: &message::Handshake,
        offered: Limits,
        effects: &mut Effects,
    ) -> Result<Vec<String>, Violation> {
        self.fresh_id(header)?;
        if !hello.versions.iter().any(|version| version.major == u32::from(VERSION)) {
            return Err(Violation::VersionsDisjoint);
        }
        self.limits = self.limits.min(offered);
        let common = hello.features.iter().filter(|name| FEATURES.contains(&name.as_str()));
        let features: Vec<String> = common.cloned().collect();
        let answer = message::Handshake {
            chosen: Some(message::Version { major: VERSION.into(), minor: MINOR }),
            features: features.clone(),
            sdk: self.name.clone(),
            nonce: self.nonce.to_vec(),
            limits: Some(self.limits.to_wire()),
            session_id: self.session_id,
            ..message::Handshake::default()
        };
        self.send(now, (FrameType::Handshake, Flags::NONE, header.id), &answer.encode_to_vec(), effects);
        Ok(features)
    }

    fn accept_handshake(
        &mut self,
        header: &Header,
        answer: &message::Handshake,
        limits: Limits,
    ) -> Result<Vec<String>, Violation> {
        if header.id != self.my_id {
            return Err(Violation::IdUnknown { kind: FrameType::Handshake, id: header.id });
        }
        let chosen = answer.chosen.as_ref().map(|version| (version.major, version.minor));
        if chosen != Some((VERSION.into(), MINOR)) {
            return Err(bad("the chosen version was not offered"));
        }
        if answer.session_id == 0 {
            return Err(bad("session_id is 0"));
        }
        if limits.min(self.limits) != limits {
            return Err(bad("a limit is larger than was offered"));
        }
        if answer.features.iter().any(|name| !FEATURES.contains(&name.as_str())) {
            return Err(bad("a feature was not offered"));
        }
        self.limits = limits;
        self.session_id = answer.session_id;
        Ok(answer.features.clone())
    }
}
