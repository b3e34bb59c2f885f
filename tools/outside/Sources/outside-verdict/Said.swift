import Weighbridge

/// What a result says, by the library's public names, for the script that scores it.
struct Said: Encodable {
  struct Cause: Encodable {
    let text: String
    let fix: String

    init(_ candidate: Diagnosis.Candidate) {
      text = candidate.cause.text
      fix = "\(candidate.cause.fix)"
    }
  }

  struct Finding: Encodable {
    let path: String
    let layer: String
    let certainty: String
    /// The best first, then those that would explain it as well.
    let causes: [Cause]
    let alike: [String]

    init(_ diagnosis: Diagnosis) {
      path = diagnosis.path.name
      layer = diagnosis.layer.path?.name ?? "\(diagnosis.layer)"
      certainty = diagnosis.certainty.rawValue
      causes = ([diagnosis.best] + diagnosis.rivals).map(Cause.init)
      alike = diagnosis.alike.map(\.path.name)
    }
  }

  let passes: Bool
  let firstDivergence: String?
  let findings: [Finding]

  init(_ result: ParityResult) {
    passes = result.passes
    firstDivergence = result.firstDivergence?.path.name
    findings = result.diagnoses.map(Finding.init)
  }
}
