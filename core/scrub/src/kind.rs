//! What can be found: a closed table of kinds, and the groups that a policy may name instead of them.

use ioi_types::nearest;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $placeholder:literal,)*) => {
        /// One kind of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind, in the order that decides between two findings of the same bytes.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            /// Its name in policies, markers and records.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)*
                }
            }

            /// What stands for a finding that is redacted.
            #[must_use]
            pub const fn marker(self) -> &'static str {
                match self {
                    $(Kind::$kind => concat!("<REDACTED:", $name, ">"),)*
                }
            }

            /// The word that its placeholders begin with.
            #[must_use]
            pub const fn placeholder(self) -> &'static str {
                match self {
                    $(Kind::$kind => $placeholder,)*
                }
            }
        }
    };
}

kinds! {
    /// A PEM private key, from its first dash to its last.
    PrivateKey "private_key" "PRIVATE_KEY",
    /// A provider's key or token that is known by its prefix, or by the name before it.
    ApiKey "api_key" "API_KEY",
    /// A JSON Web Token.
    Jwt "jwt" "JWT",
    /// 12 to 24 English BIP-39 words with a right checksum.
    SeedPhrase "seed_phrase" "SEED_PHRASE",
    /// A number of a payment card.
    Card "card" "CARD",
    /// An international bank account number.
    Iban "iban" "IBAN",
    /// A social security number of the United States.
    UsSsn "us_ssn" "US_SSN",
    /// A national insurance number of the United Kingdom.
    UkNino "uk_nino" "UK_NINO",
    /// A German tax identification number.
    DeTaxId "de_tax_id" "DE_TAX_ID",
    /// A French social security number.
    FrNir "fr_nir" "FR_NIR",
    /// A Spanish DNI or NIE.
    EsDni "es_dni" "ES_DNI",
    /// An Italian tax code of a person.
    ItTaxCode "it_tax_code" "IT_TAX_CODE",
    /// An address for electronic mail.
    Email "email" "EMAIL",
    /// A telephone number.
    Phone "phone" "PHONE",
    /// Text that looks like a placeholder of ours; found only where findings are tokenized.
    Placeholder "placeholder" "PLACEHOLDER",
}

/// Groups, and what is in them. A kind's own name is a group of one.
const GROUPS: &[(&str, &[Kind])] = &[
    ("secret", &[Kind::PrivateKey, Kind::ApiKey, Kind::Jwt, Kind::SeedPhrase]),
    ("national_id", &[Kind::UsSsn, Kind::UkNino, Kind::DeTaxId, Kind::FrNir, Kind::EsDni, Kind::ItTaxCode]),
    (
        "pii",
        &[
            Kind::Card,
            Kind::Iban,
            Kind::UsSsn,
            Kind::UkNino,
            Kind::DeTaxId,
            Kind::FrNir,
            Kind::EsDni,
            Kind::ItTaxCode,
            Kind::Email,
            Kind::Phone,
        ],
    ),
];

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u32);

/// A name that stands for no kind and no group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of finding `{name}`{}", .nearest.map(|near| format!("; did you mean `{near}`?"))
    .unwrap_or_else(|| format!("; there are {}", Kinds::names().collect::<Vec<_>>().join(", "))))]
pub struct UnknownKind {
    /// As it was written, shortened.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

/// So much of an unknown name is repeated.
const NAME_CHARS_MAX: usize = 64;

impl Kinds {
    /// The set without a kind.
    pub const NONE: Self = Self(0);

    /// Every kind that a policy can name.
    #[must_use]
    pub fn all() -> Self {
        Self::of(Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Placeholder))
    }

    /// The set of these.
    pub fn of(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u32))
    }

    /// What one name of a policy stands for.
    ///
    /// # Errors
    /// [`UnknownKind`], with the name that was probably meant.
    pub fn named(name: &str) -> Result<Self, UnknownKind> {
        if let Some((_, kinds)) = GROUPS.iter().find(|(group, _)| *group == name) {
            return Ok(Self::of(kinds.iter().copied()));
        }
        let kind = Kind::ALL.iter().find(|kind| kind.name() == name && **kind != Kind::Placeholder);
        kind.map(|kind| Self::of([*kind])).ok_or_else(|| UnknownKind {
            name: name.chars().take(NAME_CHARS_MAX).collect(),
            nearest: nearest(name, Self::names()),
        })
    }

    /// The union of what these names stand for.
    ///
    /// # Errors
    /// [`UnknownKind`] for the first name that isn't known.
    pub fn parse<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, UnknownKind> {
        names.into_iter().try_fold(Self::NONE, |all, name| Ok(all | Self::named(name)?))
    }

    /// Every name that [`Kinds::named`] takes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let kinds = Kind::ALL.iter().filter(|kind| **kind != Kind::Placeholder).map(|kind| kind.name());
        GROUPS.iter().map(|(group, _)| *group).chain(kinds)
    }

    /// Whether a kind is in it.
    #[must_use]
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }

    /// Whether any of these kinds is in it.
    #[must_use]
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Its kinds, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }
}

impl std::ops::BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_stand_for_kinds_and_groups_and_no_name_has_two_meanings() {
        assert_eq!(Kinds::named("email"), Ok(Kinds::of([Kind::Email])));
        let secret = Kinds::named("secret").unwrap();
        assert_eq!(secret.iter().count(), 4);
        assert_eq!(secret | Kinds::named("pii").unwrap(), Kinds::all());
        assert!(!secret.contains(Kind::Email));
        let names: Vec<_> = Kinds::names().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn an_unknown_name_is_refused_with_what_was_meant() {
        let error = Kinds::parse(["secret", "emial"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no kind of finding `emial`; did you mean `email`?");
        let error = Kinds::named("shoe size").unwrap_err();
        assert!(error.to_string().starts_with("there is no kind of finding `shoe size`; there are secret,"));
        assert!(Kinds::named("placeholder").is_err() && Kinds::named("Email").is_err());
        assert!(Kinds::named(&"x".repeat(1 << 20)).unwrap_err().to_string().len() < 400);
    }
}
