//! A tensor's data are as long as its shape and element type say, and lie where elements can be read.

use super::{ALIGN_BYTES, ArchivedTensor, Checked, ElementType, Tensor, TensorError};
use bytemuck::AnyBitPattern;

/// What the elements are, what they are arranged in, and the bytes themselves, checked.
#[derive(Clone, Copy, Debug)]
pub struct TensorView<'a> {
    element_type: ElementType,
    data: &'a [u8],
}

/// A Rust type that elements of a tensor can be read as, where they lie.
pub trait Element: AnyBitPattern {
    /// What the tensor calls it.
    const TYPE: ElementType;
}

macro_rules! elements {
    ($($rust:ty => $name:ident),*) => { $(impl Element for $rust { const TYPE: ElementType = ElementType::$name; })* };
}
elements!(f32 => F32, f64 => F64, i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64);

impl ElementType {
    /// The size of one element.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
}

/// What a shape says, in bytes: 0 if any dimension is 0, whatever the others are and wherever it stands;
/// none if the product is no u64.
fn bytes_of(element_type: ElementType, shape: impl Iterator<Item = u64>) -> Option<u64> {
    let (mut product, mut is_empty) = (Some(element_type.bytes()), false);
    for size in shape {
        is_empty |= size == 0;
        product = product.and_then(|product| product.checked_mul(size));
    }
    if is_empty { Some(0) } else { product }
}

impl<'a> TensorView<'a> {
    pub(crate) fn check(
        element_type: ElementType,
        shape: impl Iterator<Item = u64>,
        data: &'a [u8],
    ) -> Result<Self, TensorError> {
        let expected = bytes_of(element_type, shape).ok_or(TensorError::Shape)?;
        let found = data.len() as u64;
        if expected != found {
            return Err(TensorError::Length { expected, found });
        }
        Ok(Self { element_type, data })
    }

    /// What the elements are.
    #[must_use]
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    /// The bytes of all elements, row-major and little-endian.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.data
    }

    /// The elements where they lie.
    ///
    /// # Errors
    /// When they are of another type, and when this machine can't read them in place.
    pub fn elements<E: Element>(&self) -> Result<&'a [E], TensorError> {
        if E::TYPE != self.element_type {
            return Err(TensorError::Element);
        }
        let unaligned = |_| TensorError::Unaligned { align_bytes: align_of::<E>() };
        bytemuck::try_cast_slice(self.data).map_err(unaligned)
    }
}

const _: () = assert!(cfg!(target_endian = "little"), "elements are read in place on little-endian machines");

impl Tensor {
    /// Its data, checked.
    ///
    /// # Errors
    /// When the data have another length than the shape says.
    pub fn view(&self) -> Result<TensorView<'_>, TensorError> {
        TensorView::check(self.element_type, self.shape.iter().copied(), &self.data)
    }
}

impl Checked for Tensor {
    fn check(&self) -> Result<(), TensorError> {
        self.view().map(drop)
    }
}

impl ArchivedTensor {
    /// Its data, checked.
    ///
    /// # Errors
    /// When the data have another length than the shape says, or do not start at a multiple of 16.
    pub fn view(&self) -> Result<TensorView<'_>, TensorError> {
        let data = self.data.as_slice();
        if !data.is_empty() && !data.as_ptr().addr().is_multiple_of(ALIGN_BYTES) {
            return Err(TensorError::Unaligned { align_bytes: ALIGN_BYTES });
        }
        TensorView::check(self.element_type.into(), self.shape.iter().map(|size| size.to_native()), data)
    }
}

impl Checked for ArchivedTensor {
    fn check(&self) -> Result<(), TensorError> {
        self.view().map(drop)
    }
}
