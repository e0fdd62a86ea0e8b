//! How values are written in a bundle: numbers of 64 bits as decimal text, because JavaScript has none; bytes as base64url without
//! padding; hashes as hexadecimal text; keys of rows as lists of texts.

/// A number of 64 bits as decimal text.
pub(super) mod decimal {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in crate::bundle) fn serialize<T: Display, S: Serializer>(
        number: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(in crate::bundle) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom("not a decimal number of 64 bits"))
    }
}

/// Bytes as base64url without padding.
pub(super) mod bytes {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in crate::bundle) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::bundle) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text).map(Some).map_err(|_| de::Error::custom("not base64url without padding"))
    }
}

/// The key of a row as a list of its values.
pub(super) mod row_key {
    use serde::{Deserialize, Deserializer};
    use vaultstream_signing::RowKey;

    pub(in crate::bundle) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<RowKey>, D::Error> {
        Vec::deserialize(deserializer).map(|values| Some(RowKey::new(values)))
    }
}

/// Timestamp tokens, each as base64url.
pub(super) mod tokens {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use vaultstream_anchor::TOKEN_LIMIT;

    /// As many as a job may name authorities.
    pub(in crate::bundle) const MOST: usize = vaultstream_api::limits::MAX_ANCHORS as usize;

    pub(in crate::bundle) fn serialize<S: Serializer>(tokens: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(tokens.iter().map(|token| URL_SAFE_NO_PAD.encode(token)))
    }

    pub(in crate::bundle) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        if !(1..=MOST).contains(&texts.len()) {
            return Err(D::Error::custom(format!("its tokens are no list of 1 to {MOST}")));
        }
        let token = |(text, number): (&String, usize)| match URL_SAFE_NO_PAD.decode(text) {
            Ok(token) if token.len() <= TOKEN_LIMIT => Ok(token),
            Ok(_) => Err(format!("token {number} is longer than {} KiB", TOKEN_LIMIT >> 10)),
            Err(_) => Err(format!("token {number} is not base64url without padding")),
        };
        texts.iter().zip(1..).map(token).collect::<Result<_, String>>().map_err(D::Error::custom)
    }
}

/// A signature as r‖s in base64url, when there is one.
pub(super) mod optional_signature {
    use serde::{Deserializer, Serializer};
    use vaultstream_signing::RawSignature;

    pub(in crate::bundle) fn serialize<S: Serializer>(
        signature: &Option<RawSignature>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match signature {
            Some(signature) => super::signature::serialize(signature, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::bundle) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<RawSignature>, D::Error> {
        super::signature::deserialize(deserializer).map(Some)
    }
}

/// A signature as r‖s in base64url.
pub(super) mod signature {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use vaultstream_signing::{RawSignature, jose_decode, jose_encode};

    pub(in crate::bundle) fn serialize<S: Serializer>(
        signature: &RawSignature,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&jose_encode(signature))
    }

    pub(in crate::bundle) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RawSignature, D::Error> {
        let text = String::deserialize(deserializer)?;
        jose_decode(&text).map_err(de::Error::custom)
    }
}
