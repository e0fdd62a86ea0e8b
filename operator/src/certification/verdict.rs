//! What became of a CertificateRequest. Pure.

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use vaultstream_api::Reason;

use super::resource::{CertificateRequest, RequestCondition};
use crate::fault::ConditionFault;

/// The most certificates of a chain, and the most bytes of all of them together. A receipt has them in its header.
const CHAIN_LIMIT: usize = 10;
const BYTES_LIMIT: usize = 64 << 10;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet; what cert-manager says.
    Pending(String),
    /// Certificates in DER, that of the key first.
    Issued(Vec<Vec<u8>>),
    /// It is final, and there is no certificate.
    Failed(ConditionFault),
}

/// Reads the conditions as [cert-manager documents
/// them](https://cert-manager.io/docs/usage/certificaterequest/#conditions).
pub(super) fn verdict(request: &CertificateRequest) -> Verdict {
    let Some(status) = &request.status else { return Verdict::Pending("cert-manager has not answered yet".to_owned()) };
    let of_kind = |kind: &str| status.conditions.iter().find(|condition| condition.kind == kind);
    let holds = |kind: &str| of_kind(kind).filter(|condition| condition.status == "True");
    if let Some(denied) = holds("Denied") {
        return fault(Reason::CertificateDenied, denied);
    }
    if let Some(invalid) = holds("InvalidRequest") {
        return fault(Reason::CertificateFailed, invalid);
    }
    match of_kind("Ready") {
        Some(ready) if ready.status == "True" => {
            match chain(status.certificate.as_ref().map_or(&[][..], |pem| pem.0.as_slice())) {
                Ok(chain) => Verdict::Issued(chain),
                Err(why) => Verdict::Failed(ConditionFault::new(Reason::CertificateUnsuitable, why)),
            }
        }
        Some(ready) if ready.reason == "Failed" => fault(Reason::CertificateFailed, ready),
        Some(ready) => Verdict::Pending(said(ready)),
        None if holds("Approved").is_none() => Verdict::Pending("it waits for approval".to_owned()),
        None => Verdict::Pending("it is approved, and the issuer has not answered yet".to_owned()),
    }
}

fn fault(reason: Reason, condition: &RequestCondition) -> Verdict {
    Verdict::Failed(ConditionFault::new(reason, said(condition)))
}

fn said(condition: &RequestCondition) -> String {
    let RequestCondition { reason, message, .. } = condition;
    if message.is_empty() { reason.clone() } else { message.clone() }
}

fn chain(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).take(CHAIN_LIMIT + 1).map(|found| found.map(|der| der.to_vec())).collect();
    let certificates = certificates.map_err(|error| format!("the issuer's certificate is no PEM: {error}"))?;
    let bytes: usize = certificates.iter().map(Vec::len).sum();
    match certificates.len() {
        0 => Err("the issuer returned no certificate".to_owned()),
        1..=CHAIN_LIMIT if bytes <= BYTES_LIMIT => Ok(certificates),
        number => Err(format!(
            "the issuer returned {number} or more certificates of {bytes} bytes; at most {CHAIN_LIMIT} of {BYTES_LIMIT} are possible"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(status: &str) -> CertificateRequest {
        let text = format!(
            "{{apiVersion: cert-manager.io/v1, kind: CertificateRequest, metadata: {{name: a}}, spec: {{request: '', \
             issuerRef: {{name: ca}}, duration: 24h0m0s, isCA: false, usages: [digital signature]}}, status: {status}}}"
        );
        serde_yaml_ng::from_str(&text).unwrap()
    }

    /// A status with this many certificates, in base64 as in the API.
    fn issued(number: usize) -> CertificateRequest {
        let pem = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap().cert.pem().repeat(number);
        let mut request =
            request("{conditions: [{type: Approved, status: 'True'}, {type: Ready, status: 'True', reason: Issued}]}");
        request.status.as_mut().unwrap().certificate = Some(k8s_openapi::ByteString(pem.into_bytes()));
        request
    }

    #[test]
    fn what_cert_manager_says_of_a_request_is_told_as_it_is() {
        let pending = |message: &str| Verdict::Pending(message.to_owned());
        let failed = |reason, message: &str| Verdict::Failed(ConditionFault::new(reason, message));
        let cases = [
            ("null", pending("cert-manager has not answered yet")),
            ("{}", pending("it waits for approval")),
            ("{conditions: [{type: Approved, status: 'False'}]}", pending("it waits for approval")),
            (
                "{conditions: [{type: Approved, status: 'True'}]}",
                pending("it is approved, and the issuer has not answered yet"),
            ),
            (
                "{conditions: [{type: Ready, status: 'False', reason: Pending, message: 'Referenced \"Issuer\" not found'}]}",
                pending("Referenced \"Issuer\" not found"),
            ),
            ("{conditions: [{type: Ready, status: 'False', reason: Pending}]}", pending("Pending")),
            (
                "{conditions: [{type: Denied, status: 'True', reason: Policy, message: not here}, {type: Ready, status: 'False', reason: Denied}]}",
                failed(Reason::CertificateDenied, "not here"),
            ),
            (
                "{conditions: [{type: InvalidRequest, status: 'True', reason: A, message: no PEM}]}",
                failed(Reason::CertificateFailed, "no PEM"),
            ),
            (
                "{conditions: [{type: Ready, status: 'False', reason: Failed, message: the key is missing}]}",
                failed(Reason::CertificateFailed, "the key is missing"),
            ),
            (
                "{conditions: [{type: Ready, status: 'True', reason: Issued}]}",
                failed(Reason::CertificateUnsuitable, "the issuer returned no certificate"),
            ),
            // Neither denied nor invalid.
            (
                "{conditions: [{type: Denied, status: 'False'}, {type: InvalidRequest, status: 'False'}, {type: Approved, status: 'True'}]}",
                pending("it is approved, and the issuer has not answered yet"),
            ),
        ];
        for (status, wanted) in cases {
            assert_eq!(verdict(&request(status)), wanted, "{status}");
        }
    }

    #[test]
    fn a_chain_is_bounded_and_has_to_be_pem() {
        let number = |verdict| match verdict {
            Verdict::Issued(chain) => Ok(chain.len()),
            Verdict::Failed(fault) => Err((fault.reason, fault.message)),
            Verdict::Pending(_) => panic!("it is ready"),
        };
        assert_eq!(number(verdict(&issued(1))), Ok(1));
        assert_eq!(number(verdict(&issued(CHAIN_LIMIT))), Ok(CHAIN_LIMIT));
        let (reason, message) = number(verdict(&issued(CHAIN_LIMIT + 1))).unwrap_err();
        assert_eq!(reason, Reason::CertificateUnsuitable);
        assert!(message.starts_with("the issuer returned 11 or more certificates of "), "{message}");
        let mut broken = issued(1);
        let pem = "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
        broken.status.as_mut().unwrap().certificate = Some(k8s_openapi::ByteString(pem.as_bytes().to_vec()));
        assert_eq!(number(verdict(&broken)).unwrap_err().0, Reason::CertificateUnsuitable);
        // 49,152 bytes of zeros each.
        let large = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", "A".repeat(65_536));
        broken.status.as_mut().unwrap().certificate = Some(k8s_openapi::ByteString(large.repeat(2).into_bytes()));
        let (_, message) = number(verdict(&broken)).unwrap_err();
        assert!(message.contains("2 or more certificates of 98304 bytes"), "{message}");
    }
}
