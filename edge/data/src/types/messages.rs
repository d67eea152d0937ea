// Generated from schema/data.capnp by `cargo xtask generate`.

use super::generated::*;
use super::{Checked, Identity, Message, TensorError, exact, size};
use crate::data_capnp as data;

impl Message for Handle {
    type Owned = data::handle::Owned;
    const NAME: &'static str = "Handle";
    const RKYV: Identity = Identity {
        type_id: 0xeae7_057e,
        schema_hash: [
            0x7e, 0x05, 0xe7, 0xea, 0x05, 0x25, 0x0c, 0x97, 0xfd, 0x23, 0xd7, 0x65, 0x59, 0xc5, 0x17, 0x72,
            0xe9, 0x07, 0x97, 0xfb, 0x29, 0x1c, 0x6a, 0x4f, 0xe4, 0x6b, 0xe3, 0xf3, 0x29, 0xcc, 0xbd, 0xd4,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0xc37a_5d7f,
        schema_hash: [
            0x05, 0x03, 0x4e, 0x53, 0x7d, 0x54, 0xf3, 0xfa, 0x4b, 0x60, 0x68, 0x49, 0x8c, 0x5e, 0xba, 0x60,
            0x06, 0x4a, 0x30, 0x0e, 0xb3, 0x90, 0xe2, 0x0a, 0x07, 0x37, 0x42, 0x0d, 0xb9, 0xad, 0x70, 0x05,
        ],
    };

    fn read(from: data::handle::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            region: from.get_region(),
            generation: from.get_generation(),
            type_id: from.get_type_id(),
            offset: from.get_offset(),
            length: from.get_length(),
        })
    }

    fn write(&self, mut to: data::handle::Builder<'_>) -> capnp::Result<()> {
        to.set_region(self.region);
        to.set_generation(self.generation);
        to.set_type_id(self.type_id);
        to.set_offset(self.offset);
        to.set_length(self.length);
        Ok(())
    }

    fn words(&self) -> usize {
        4
    }
}

impl Checked for Handle {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}

impl Checked for ArchivedHandle {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}

impl Message for Reference {
    type Owned = data::reference::Owned;
    const NAME: &'static str = "Reference";
    const RKYV: Identity = Identity {
        type_id: 0xd2ef_cc50,
        schema_hash: [
            0x50, 0xcc, 0xef, 0xd2, 0xf9, 0xa7, 0xdc, 0xde, 0x98, 0x96, 0x02, 0xe0, 0x52, 0xb8, 0xbf, 0xd9,
            0x09, 0x41, 0xb3, 0xfe, 0xd2, 0x62, 0x5b, 0x2d, 0xf9, 0x5b, 0x24, 0xac, 0xd6, 0xdc, 0x4c, 0x59,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0x4c8b_3f58,
        schema_hash: [
            0x37, 0x57, 0xd6, 0xa8, 0xfc, 0xb2, 0x19, 0xc0, 0xbf, 0x13, 0x61, 0x67, 0xeb, 0x09, 0x75, 0x9c,
            0xc4, 0x68, 0x9a, 0x55, 0xc0, 0x42, 0xb5, 0x7f, 0x29, 0x68, 0x51, 0x16, 0xfd, 0x3e, 0xd8, 0x84,
        ],
    };

    fn read(from: data::reference::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            name: from.get_name()?.to_string()?,
            handle: Message::read(from.get_handle()?)?,
            digest: exact(from.get_digest()?)?,
        })
    }

    fn write(&self, mut to: data::reference::Builder<'_>) -> capnp::Result<()> {
        to.set_name(size::bounded(&self.name)?);
        self.handle.write(to.reborrow().init_handle())?;
        to.set_digest(&self.digest);
        Ok(())
    }

    fn words(&self) -> usize {
        3
            + size::text(&self.name)
            + self.handle.words()
            + 4
    }
}

impl Checked for Reference {
    fn check(&self) -> Result<(), TensorError> {
        self.handle.check()?;
        Ok(())
    }
}

impl Checked for ArchivedReference {
    fn check(&self) -> Result<(), TensorError> {
        self.handle.check()?;
        Ok(())
    }
}

impl Message for Metadata {
    type Owned = data::metadata::Owned;
    const NAME: &'static str = "Metadata";
    const RKYV: Identity = Identity {
        type_id: 0xfc8a_3b3a,
        schema_hash: [
            0x3a, 0x3b, 0x8a, 0xfc, 0xe0, 0xed, 0x17, 0xb4, 0x78, 0x6e, 0x6b, 0x38, 0x01, 0x07, 0xe5, 0x26,
            0x46, 0xde, 0x5c, 0x6a, 0x19, 0x70, 0x3d, 0x19, 0x85, 0x83, 0xd4, 0xf5, 0xe4, 0x57, 0x5b, 0x27,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0xcacc_9e24,
        schema_hash: [
            0xdd, 0x2c, 0x3f, 0xb5, 0x6c, 0x79, 0x7e, 0x27, 0x46, 0x17, 0xac, 0xa3, 0xd5, 0x66, 0x4c, 0x9f,
            0x25, 0x22, 0x97, 0xd0, 0xe3, 0xd8, 0xb2, 0xf6, 0x18, 0x94, 0x30, 0x0e, 0x18, 0x38, 0x5d, 0xe6,
        ],
    };

    fn read(from: data::metadata::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            user_id: from.get_user_id()?.to_string()?,
            device_id: from.get_device_id()?.to_string()?,
            credit_ledger_id: from.get_credit_ledger_id()?.to_string()?,
        })
    }

    fn write(&self, mut to: data::metadata::Builder<'_>) -> capnp::Result<()> {
        to.set_user_id(size::bounded(&self.user_id)?);
        to.set_device_id(size::bounded(&self.device_id)?);
        to.set_credit_ledger_id(size::bounded(&self.credit_ledger_id)?);
        Ok(())
    }

    fn words(&self) -> usize {
        3
            + size::text(&self.user_id)
            + size::text(&self.device_id)
            + size::text(&self.credit_ledger_id)
    }
}

impl Checked for Metadata {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}

impl Checked for ArchivedMetadata {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}

impl Message for Envelope {
    type Owned = data::envelope::Owned;
    const NAME: &'static str = "Envelope";
    const RKYV: Identity = Identity {
        type_id: 0xcfeb_ab25,
        schema_hash: [
            0x25, 0xab, 0xeb, 0xcf, 0x0d, 0x88, 0xd3, 0x0b, 0x15, 0x0b, 0x01, 0x81, 0xcd, 0x1f, 0xdc, 0xe5,
            0x46, 0xf0, 0xa4, 0x2f, 0x30, 0x37, 0x00, 0xa5, 0x41, 0x1f, 0xa2, 0xed, 0xee, 0x2f, 0x72, 0x46,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0x17ba_6719,
        schema_hash: [
            0xa1, 0x1f, 0xd9, 0xc6, 0x44, 0x44, 0xeb, 0x15, 0x40, 0xed, 0xdc, 0xb3, 0xe5, 0x05, 0x13, 0x15,
            0x42, 0x5e, 0xf0, 0xe4, 0xdb, 0x7a, 0xb8, 0x6d, 0xbd, 0x4f, 0x08, 0xdd, 0xb7, 0x21, 0x3e, 0x59,
        ],
    };

    fn read(from: data::envelope::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            id: from.get_id()?.to_string()?,
            r#type: from.get_type()?.to_string()?,
            timestamp: from.get_timestamp(),
            metadata: Message::read(from.get_metadata()?)?,
            payload: from.get_payload()?.to_vec(),
        })
    }

    fn write(&self, mut to: data::envelope::Builder<'_>) -> capnp::Result<()> {
        to.set_id(size::bounded(&self.id)?);
        to.set_type(size::bounded(&self.r#type)?);
        to.set_timestamp(self.timestamp);
        self.metadata.write(to.reborrow().init_metadata())?;
        to.set_payload(size::bounded(&self.payload)?);
        Ok(())
    }

    fn words(&self) -> usize {
        5
            + size::text(&self.id)
            + size::text(&self.r#type)
            + self.metadata.words()
            + size::data(&self.payload)
    }
}

impl Checked for Envelope {
    fn check(&self) -> Result<(), TensorError> {
        self.metadata.check()?;
        Ok(())
    }
}

impl Checked for ArchivedEnvelope {
    fn check(&self) -> Result<(), TensorError> {
        self.metadata.check()?;
        Ok(())
    }
}

impl Message for Tensor {
    type Owned = data::tensor::Owned;
    const NAME: &'static str = "Tensor";
    const RKYV: Identity = Identity {
        type_id: 0x0f52_1017,
        schema_hash: [
            0x17, 0x10, 0x52, 0x0f, 0xa1, 0x1b, 0x37, 0x1c, 0xe5, 0x40, 0x62, 0xe4, 0x82, 0xb9, 0xa3, 0x51,
            0x86, 0xbf, 0xa7, 0x1f, 0x2f, 0x7f, 0x25, 0x82, 0x79, 0x52, 0xd5, 0xa0, 0x58, 0x2a, 0xbf, 0xef,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0x2703_da11,
        schema_hash: [
            0x00, 0x22, 0x23, 0x63, 0x92, 0x83, 0xc1, 0x2b, 0xb0, 0x83, 0x9b, 0x42, 0xd2, 0x8a, 0xd8, 0x78,
            0xcb, 0xc0, 0x23, 0x1d, 0xf7, 0x6c, 0xb1, 0x2b, 0xf6, 0x71, 0x82, 0xe3, 0x59, 0x43, 0x3e, 0xa7,
        ],
    };

    fn read(from: data::tensor::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            element_type: from.get_element_type()?.into(),
            shape: from.get_shape()?.iter().collect(),
            data: from.get_data()?.to_vec(),
        })
    }

    fn write(&self, mut to: data::tensor::Builder<'_>) -> capnp::Result<()> {
        to.set_element_type(self.element_type.into());
        let mut list = to.reborrow().init_shape(size::count(self.shape.len())?);
        for (at, element) in (0u32..).zip(&self.shape) {
            list.set(at, *element);
        }
        to.set_data(size::bounded(&self.data)?);
        Ok(())
    }

    fn words(&self) -> usize {
        3
            + size::list(self.shape.len(), 8)
            + size::data(&self.data)
    }
}

impl Message for AgentContext {
    type Owned = data::agent_context::Owned;
    const NAME: &'static str = "AgentContext";
    const RKYV: Identity = Identity {
        type_id: 0x63aa_92cd,
        schema_hash: [
            0xcd, 0x92, 0xaa, 0x63, 0x09, 0x56, 0x31, 0xbd, 0xa3, 0x97, 0xbc, 0x49, 0x2e, 0x22, 0xad, 0xc6,
            0xc7, 0x05, 0x33, 0xa6, 0x7b, 0x76, 0xe1, 0x79, 0x4e, 0x01, 0x4d, 0x84, 0x59, 0x99, 0xdc, 0x73,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0x4ec2_47b6,
        schema_hash: [
            0x59, 0x7f, 0xc8, 0x61, 0xcb, 0x17, 0x66, 0x10, 0x3e, 0x1e, 0xf4, 0xcf, 0x1e, 0xfe, 0x9c, 0xe7,
            0x10, 0x24, 0x5a, 0x9d, 0xa9, 0x5c, 0x09, 0x70, 0xe1, 0xc9, 0x98, 0x4a, 0xd7, 0xe9, 0x61, 0xd2,
        ],
    };

    fn read(from: data::agent_context::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            session_id: from.get_session_id()?.to_string()?,
            embeddings: from.get_embeddings()?.iter().map(Message::read).collect::<Result<_, _>>()?,
            token_ids: from.get_token_ids()?.iter().collect(),
            references: from.get_references()?.iter().map(Message::read).collect::<Result<_, _>>()?,
        })
    }

    fn write(&self, mut to: data::agent_context::Builder<'_>) -> capnp::Result<()> {
        to.set_session_id(size::bounded(&self.session_id)?);
        let mut list = to.reborrow().init_embeddings(size::count(self.embeddings.len())?);
        for (at, element) in (0u32..).zip(&self.embeddings) {
            element.write(list.reborrow().get(at))?;
        }
        let mut list = to.reborrow().init_token_ids(size::count(self.token_ids.len())?);
        for (at, element) in (0u32..).zip(&self.token_ids) {
            list.set(at, *element);
        }
        let mut list = to.reborrow().init_references(size::count(self.references.len())?);
        for (at, element) in (0u32..).zip(&self.references) {
            element.write(list.reborrow().get(at))?;
        }
        Ok(())
    }

    fn words(&self) -> usize {
        4
            + size::text(&self.session_id)
            + 1 + self.embeddings.iter().map(Message::words).sum::<usize>()
            + size::list(self.token_ids.len(), 4)
            + 1 + self.references.iter().map(Message::words).sum::<usize>()
    }
}

impl Checked for AgentContext {
    fn check(&self) -> Result<(), TensorError> {
        self.embeddings.iter().try_for_each(Checked::check)?;
        self.references.iter().try_for_each(Checked::check)?;
        Ok(())
    }
}

impl Checked for ArchivedAgentContext {
    fn check(&self) -> Result<(), TensorError> {
        self.embeddings.iter().try_for_each(Checked::check)?;
        self.references.iter().try_for_each(Checked::check)?;
        Ok(())
    }
}

impl Message for ContextSlice {
    type Owned = data::context_slice::Owned;
    const NAME: &'static str = "ContextSlice";
    const RKYV: Identity = Identity {
        type_id: 0x0e46_a513,
        schema_hash: [
            0x13, 0xa5, 0x46, 0x0e, 0xf4, 0x9b, 0x39, 0x7b, 0x38, 0xfd, 0x13, 0x94, 0x6d, 0xa6, 0x6f, 0xe5,
            0xb0, 0x51, 0x27, 0xa7, 0x66, 0xce, 0x6c, 0xd8, 0x68, 0x8d, 0xab, 0x8e, 0x0e, 0x0d, 0xad, 0x48,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0x5573_f494,
        schema_hash: [
            0xb0, 0x3b, 0x36, 0x0f, 0x9c, 0xc4, 0x02, 0xce, 0x77, 0xb1, 0x1e, 0xd5, 0xc0, 0x58, 0xf8, 0xa4,
            0x46, 0x9b, 0x88, 0x78, 0xae, 0xd2, 0x49, 0x84, 0x19, 0xba, 0x62, 0xfc, 0x4d, 0xfd, 0x85, 0x1d,
        ],
    };

    fn read(from: data::context_slice::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            slice_id: from.get_slice_id(),
            question: from.get_question()?.to_string()?,
            frame_ids: from.get_frame_ids()?.iter().collect(),
            chunks: from.get_chunks()?.iter().map(Message::read).collect::<Result<_, _>>()?,
            checkpoint_root: exact(from.get_checkpoint_root()?)?,
            retrieval_proof: Message::read(from.get_retrieval_proof()?)?,
            labels: from.get_labels()?.iter().map(|text| Ok(text?.to_string()?)).collect::<capnp::Result<_>>()?,
        })
    }

    fn write(&self, mut to: data::context_slice::Builder<'_>) -> capnp::Result<()> {
        to.set_slice_id(self.slice_id);
        to.set_question(size::bounded(&self.question)?);
        let mut list = to.reborrow().init_frame_ids(size::count(self.frame_ids.len())?);
        for (at, element) in (0u32..).zip(&self.frame_ids) {
            list.set(at, *element);
        }
        let mut list = to.reborrow().init_chunks(size::count(self.chunks.len())?);
        for (at, element) in (0u32..).zip(&self.chunks) {
            element.write(list.reborrow().get(at))?;
        }
        to.set_checkpoint_root(&self.checkpoint_root);
        self.retrieval_proof.write(to.reborrow().init_retrieval_proof())?;
        let mut list = to.reborrow().init_labels(size::count(self.labels.len())?);
        for (at, element) in (0u32..).zip(&self.labels) {
            list.set(at, size::bounded(element)?);
        }
        Ok(())
    }

    fn words(&self) -> usize {
        7
            + size::text(&self.question)
            + size::list(self.frame_ids.len(), 8)
            + 1 + self.chunks.iter().map(Message::words).sum::<usize>()
            + 4
            + self.retrieval_proof.words()
            + size::list(self.labels.len(), 8) + self.labels.iter().map(size::text).sum::<usize>()
    }
}

impl Checked for ContextSlice {
    fn check(&self) -> Result<(), TensorError> {
        self.chunks.iter().try_for_each(Checked::check)?;
        self.retrieval_proof.check()?;
        Ok(())
    }
}

impl Checked for ArchivedContextSlice {
    fn check(&self) -> Result<(), TensorError> {
        self.chunks.iter().try_for_each(Checked::check)?;
        self.retrieval_proof.check()?;
        Ok(())
    }
}

impl Message for Chunk {
    type Owned = data::chunk::Owned;
    const NAME: &'static str = "Chunk";
    const RKYV: Identity = Identity {
        type_id: 0x83b9_647b,
        schema_hash: [
            0x7b, 0x64, 0xb9, 0x83, 0xc5, 0x5f, 0xec, 0x61, 0xdd, 0x4f, 0x71, 0xbe, 0x6d, 0x86, 0x00, 0xe1,
            0xdb, 0x71, 0xdb, 0x25, 0xed, 0xa8, 0x87, 0xb0, 0x46, 0x6f, 0x5d, 0x83, 0x7f, 0xed, 0x8a, 0x7d,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0x1f08_ab26,
        schema_hash: [
            0xff, 0x80, 0x85, 0xb5, 0x57, 0xb6, 0xc9, 0x3f, 0xae, 0xac, 0xac, 0xd6, 0xd3, 0xc4, 0x59, 0xc7,
            0x65, 0xa2, 0xca, 0x76, 0x73, 0x96, 0x90, 0x2b, 0x60, 0xda, 0x44, 0x4b, 0xbe, 0xf8, 0xbe, 0xe1,
        ],
    };

    fn read(from: data::chunk::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            path: from.get_path()?.to_string()?,
            document_digest: exact(from.get_document_digest()?)?,
            offset: from.get_offset(),
            score: from.get_score(),
            text: from.get_text()?.to_string()?,
            heading: from.get_heading()?.to_string()?,
        })
    }

    fn write(&self, mut to: data::chunk::Builder<'_>) -> capnp::Result<()> {
        to.set_path(size::bounded(&self.path)?);
        to.set_document_digest(&self.document_digest);
        to.set_offset(self.offset);
        to.set_score(self.score);
        to.set_text(size::bounded(&self.text)?);
        to.set_heading(size::bounded(&self.heading)?);
        Ok(())
    }

    fn words(&self) -> usize {
        6
            + size::text(&self.path)
            + 4
            + size::text(&self.text)
            + size::text(&self.heading)
    }
}

impl Checked for Chunk {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}

impl Checked for ArchivedChunk {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}

impl Message for RetrievalProof {
    type Owned = data::retrieval_proof::Owned;
    const NAME: &'static str = "RetrievalProof";
    const RKYV: Identity = Identity {
        type_id: 0x39ae_7469,
        schema_hash: [
            0x69, 0x74, 0xae, 0x39, 0x56, 0x58, 0x9f, 0xaf, 0xe2, 0x7d, 0xff, 0xf6, 0x35, 0x67, 0x0a, 0x25,
            0xf5, 0x52, 0xfc, 0xb6, 0x3a, 0x2d, 0xd7, 0x62, 0xeb, 0xdf, 0xe1, 0x30, 0x67, 0x28, 0xc9, 0x89,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0xcd01_f22b,
        schema_hash: [
            0x6b, 0x4a, 0x96, 0x11, 0x4e, 0x49, 0xaf, 0x39, 0x3e, 0x2b, 0xb4, 0xfa, 0x09, 0x22, 0x34, 0xb1,
            0x8e, 0xab, 0x9d, 0xa0, 0x90, 0xd3, 0x23, 0x14, 0x0f, 0x4e, 0x98, 0x0e, 0xed, 0x28, 0xcf, 0x86,
        ],
    };

    fn read(from: data::retrieval_proof::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            root: exact(from.get_root()?)?,
            leaf_count: from.get_leaf_count(),
            leaves: from.get_leaves()?.iter().map(Message::read).collect::<Result<_, _>>()?,
        })
    }

    fn write(&self, mut to: data::retrieval_proof::Builder<'_>) -> capnp::Result<()> {
        to.set_root(&self.root);
        to.set_leaf_count(self.leaf_count);
        let mut list = to.reborrow().init_leaves(size::count(self.leaves.len())?);
        for (at, element) in (0u32..).zip(&self.leaves) {
            element.write(list.reborrow().get(at))?;
        }
        Ok(())
    }

    fn words(&self) -> usize {
        3
            + 4
            + 1 + self.leaves.iter().map(Message::words).sum::<usize>()
    }
}

impl Checked for RetrievalProof {
    fn check(&self) -> Result<(), TensorError> {
        self.leaves.iter().try_for_each(Checked::check)?;
        Ok(())
    }
}

impl Checked for ArchivedRetrievalProof {
    fn check(&self) -> Result<(), TensorError> {
        self.leaves.iter().try_for_each(Checked::check)?;
        Ok(())
    }
}

impl Message for LeafProof {
    type Owned = data::leaf_proof::Owned;
    const NAME: &'static str = "LeafProof";
    const RKYV: Identity = Identity {
        type_id: 0xffe6_88d7,
        schema_hash: [
            0xd7, 0x88, 0xe6, 0xff, 0xb6, 0x7e, 0x87, 0x31, 0x54, 0x05, 0x1b, 0xaf, 0x55, 0xc4, 0xa1, 0x9b,
            0x16, 0xea, 0x78, 0x23, 0x90, 0xce, 0x8b, 0xb9, 0x6d, 0x15, 0xfa, 0xc4, 0xc1, 0x7c, 0x3a, 0x06,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0x7719_f6e5,
        schema_hash: [
            0xb6, 0x9c, 0xe5, 0x71, 0x03, 0x4e, 0xc0, 0x6f, 0x17, 0xa3, 0x14, 0xa9, 0x19, 0x1d, 0x18, 0x41,
            0x83, 0x1b, 0xa3, 0x90, 0x0a, 0x7c, 0x11, 0x57, 0xaa, 0xb8, 0xf6, 0x1d, 0xec, 0x77, 0xf3, 0x4d,
        ],
    };

    fn read(from: data::leaf_proof::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            index: from.get_index(),
            digest: exact(from.get_digest()?)?,
            path: from.get_path()?.iter().map(|data| exact(data?)).collect::<Result<_, _>>()?,
        })
    }

    fn write(&self, mut to: data::leaf_proof::Builder<'_>) -> capnp::Result<()> {
        to.set_index(self.index);
        to.set_digest(&self.digest);
        let mut list = to.reborrow().init_path(size::count(self.path.len())?);
        for (at, element) in (0u32..).zip(&self.path) {
            list.set(at, element);
        }
        Ok(())
    }

    fn words(&self) -> usize {
        3
            + 4
            + size::list(self.path.len(), 8) + self.path.iter().map(size::data).sum::<usize>()
    }
}

impl Checked for LeafProof {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}

impl Checked for ArchivedLeafProof {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}

impl Message for InferenceRequest {
    type Owned = data::inference_request::Owned;
    const NAME: &'static str = "InferenceRequest";
    const RKYV: Identity = Identity {
        type_id: 0xf713_5618,
        schema_hash: [
            0x18, 0x56, 0x13, 0xf7, 0xd5, 0xf6, 0x23, 0xda, 0x2e, 0x4f, 0x25, 0x48, 0x0f, 0xc7, 0xdb, 0x32,
            0x6f, 0x1e, 0xf8, 0x2b, 0xb8, 0x8f, 0x1b, 0x1f, 0xc9, 0x01, 0x0e, 0x81, 0xdd, 0xf4, 0xcd, 0xd9,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0xc9cd_0c1f,
        schema_hash: [
            0x59, 0x82, 0x9d, 0x05, 0xb1, 0xa2, 0x0c, 0x69, 0xdf, 0xdc, 0x43, 0xb8, 0x31, 0xc5, 0xec, 0x4f,
            0x85, 0x39, 0x73, 0x7d, 0xfd, 0x06, 0xcc, 0xcb, 0x05, 0x08, 0x88, 0x31, 0x14, 0x5e, 0x7f, 0x3b,
        ],
    };

    fn read(from: data::inference_request::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            request_id: from.get_request_id(),
            model: from.get_model()?.to_string()?,
            prompt: from.get_prompt()?.to_string()?,
            token_ids: from.get_token_ids()?.iter().collect(),
            inputs: from.get_inputs()?.iter().map(Message::read).collect::<Result<_, _>>()?,
            context: from.get_context()?.iter().map(Message::read).collect::<Result<_, _>>()?,
            output_tokens_max: from.get_output_tokens_max(),
            temperature: from.get_temperature(),
            seed: from.get_seed(),
            deadline: from.get_deadline(),
        })
    }

    fn write(&self, mut to: data::inference_request::Builder<'_>) -> capnp::Result<()> {
        to.set_request_id(self.request_id);
        to.set_model(size::bounded(&self.model)?);
        to.set_prompt(size::bounded(&self.prompt)?);
        let mut list = to.reborrow().init_token_ids(size::count(self.token_ids.len())?);
        for (at, element) in (0u32..).zip(&self.token_ids) {
            list.set(at, *element);
        }
        let mut list = to.reborrow().init_inputs(size::count(self.inputs.len())?);
        for (at, element) in (0u32..).zip(&self.inputs) {
            element.write(list.reborrow().get(at))?;
        }
        let mut list = to.reborrow().init_context(size::count(self.context.len())?);
        for (at, element) in (0u32..).zip(&self.context) {
            element.write(list.reborrow().get(at))?;
        }
        to.set_output_tokens_max(self.output_tokens_max);
        to.set_temperature(self.temperature);
        to.set_seed(self.seed);
        to.set_deadline(self.deadline);
        Ok(())
    }

    fn words(&self) -> usize {
        9
            + size::text(&self.model)
            + size::text(&self.prompt)
            + size::list(self.token_ids.len(), 4)
            + 1 + self.inputs.iter().map(Message::words).sum::<usize>()
            + 1 + self.context.iter().map(Message::words).sum::<usize>()
    }
}

impl Checked for InferenceRequest {
    fn check(&self) -> Result<(), TensorError> {
        self.inputs.iter().try_for_each(Checked::check)?;
        self.context.iter().try_for_each(Checked::check)?;
        Ok(())
    }
}

impl Checked for ArchivedInferenceRequest {
    fn check(&self) -> Result<(), TensorError> {
        self.inputs.iter().try_for_each(Checked::check)?;
        self.context.iter().try_for_each(Checked::check)?;
        Ok(())
    }
}

impl Message for InferenceOutput {
    type Owned = data::inference_output::Owned;
    const NAME: &'static str = "InferenceOutput";
    const RKYV: Identity = Identity {
        type_id: 0x644d_a308,
        schema_hash: [
            0x08, 0xa3, 0x4d, 0x64, 0x52, 0x8b, 0x50, 0x00, 0xb4, 0x70, 0x12, 0xcc, 0xe9, 0xe3, 0x5e, 0x66,
            0x9f, 0xee, 0x48, 0xbc, 0xa7, 0x96, 0xa9, 0xf2, 0xa9, 0x3a, 0x61, 0xac, 0x68, 0x34, 0xbe, 0x10,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0x766e_bee2,
        schema_hash: [
            0x72, 0x73, 0x46, 0x6a, 0x19, 0x3b, 0x5c, 0xb5, 0xbb, 0xd8, 0x82, 0x53, 0xbc, 0x5a, 0x6f, 0x14,
            0xf1, 0x2f, 0x5f, 0x84, 0x27, 0x6d, 0xc8, 0x98, 0xac, 0x01, 0x76, 0x04, 0x48, 0xc7, 0x9e, 0x6f,
        ],
    };

    fn read(from: data::inference_output::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            request_id: from.get_request_id(),
            finish_reason: from.get_finish_reason()?.into(),
            text: from.get_text()?.to_string()?,
            token_ids: from.get_token_ids()?.iter().collect(),
            outputs: from.get_outputs()?.iter().map(Message::read).collect::<Result<_, _>>()?,
            input_tokens: from.get_input_tokens(),
            output_tokens: from.get_output_tokens(),
            model_digest: exact(from.get_model_digest()?)?,
            error: from.get_error()?.to_string()?,
        })
    }

    fn write(&self, mut to: data::inference_output::Builder<'_>) -> capnp::Result<()> {
        to.set_request_id(self.request_id);
        to.set_finish_reason(self.finish_reason.into());
        to.set_text(size::bounded(&self.text)?);
        let mut list = to.reborrow().init_token_ids(size::count(self.token_ids.len())?);
        for (at, element) in (0u32..).zip(&self.token_ids) {
            list.set(at, *element);
        }
        let mut list = to.reborrow().init_outputs(size::count(self.outputs.len())?);
        for (at, element) in (0u32..).zip(&self.outputs) {
            element.write(list.reborrow().get(at))?;
        }
        to.set_input_tokens(self.input_tokens);
        to.set_output_tokens(self.output_tokens);
        to.set_model_digest(&self.model_digest);
        to.set_error(size::bounded(&self.error)?);
        Ok(())
    }

    fn words(&self) -> usize {
        8
            + size::text(&self.text)
            + size::list(self.token_ids.len(), 4)
            + 1 + self.outputs.iter().map(Message::words).sum::<usize>()
            + 4
            + size::text(&self.error)
    }
}

impl Checked for InferenceOutput {
    fn check(&self) -> Result<(), TensorError> {
        self.outputs.iter().try_for_each(Checked::check)?;
        Ok(())
    }
}

impl Checked for ArchivedInferenceOutput {
    fn check(&self) -> Result<(), TensorError> {
        self.outputs.iter().try_for_each(Checked::check)?;
        Ok(())
    }
}

impl Message for Block {
    type Owned = data::block::Owned;
    const NAME: &'static str = "Block";
    const RKYV: Identity = Identity {
        type_id: 0xd539_d9b8,
        schema_hash: [
            0xb8, 0xd9, 0x39, 0xd5, 0x32, 0x9e, 0x72, 0xa3, 0xdf, 0xde, 0xe7, 0x03, 0x78, 0x02, 0x6b, 0x87,
            0x76, 0x93, 0x32, 0x11, 0x36, 0x99, 0x13, 0x01, 0x95, 0xb9, 0xcc, 0x87, 0x4b, 0x46, 0x46, 0x94,
        ],
    };
    const CAPNP: Identity = Identity {
        type_id: 0xe414_d50d,
        schema_hash: [
            0x59, 0x96, 0x87, 0x0c, 0xf4, 0x1b, 0x7b, 0x58, 0xc1, 0xc3, 0x58, 0x0d, 0x60, 0xf9, 0x05, 0x8c,
            0xed, 0xbf, 0xcc, 0x5c, 0x1b, 0xfd, 0x8a, 0xb0, 0x34, 0x47, 0xf4, 0x00, 0x72, 0x3e, 0x74, 0x13,
        ],
    };

    fn read(from: data::block::Reader<'_>) -> capnp::Result<Self> {
        Ok(Self {
            height: from.get_height(),
            parent: exact(from.get_parent()?)?,
            state_root: exact(from.get_state_root()?)?,
            transactions_root: exact(from.get_transactions_root()?)?,
            receipts_root: exact(from.get_receipts_root()?)?,
            timestamp: from.get_timestamp(),
            proposer: exact(from.get_proposer()?)?,
            transactions: from.get_transactions()?.iter().map(|data| Ok(data?.to_vec())).collect::<capnp::Result<_>>()?,
        })
    }

    fn write(&self, mut to: data::block::Builder<'_>) -> capnp::Result<()> {
        to.set_height(self.height);
        to.set_parent(&self.parent);
        to.set_state_root(&self.state_root);
        to.set_transactions_root(&self.transactions_root);
        to.set_receipts_root(&self.receipts_root);
        to.set_timestamp(self.timestamp);
        to.set_proposer(&self.proposer);
        let mut list = to.reborrow().init_transactions(size::count(self.transactions.len())?);
        for (at, element) in (0u32..).zip(&self.transactions) {
            list.set(at, size::bounded(element)?);
        }
        Ok(())
    }

    fn words(&self) -> usize {
        8
            + 4
            + 4
            + 4
            + 4
            + 4
            + size::list(self.transactions.len(), 8) + self.transactions.iter().map(size::data).sum::<usize>()
    }
}

impl Checked for Block {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}

impl Checked for ArchivedBlock {
    fn check(&self) -> Result<(), TensorError> {
        Ok(())
    }
}
