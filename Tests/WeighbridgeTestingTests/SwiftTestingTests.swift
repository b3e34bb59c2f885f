import Foundation
import Testing
import TestSupport
import Weighbridge
import WeighbridgeTesting

/// As users call it from Swift Testing.
@Suite struct SwiftTestingTests {
  @Test func aRightModulePasses() {
    let verdict = expectParity(
      .weights(Fixture.weights) { try Gate($0) }, with: Fixture.reference)
    #expect(verdict.passes)
    #expect(verdict.model == "Gate")
    #expect(verdict.mapping?.matched.count == 2)
  }

  @Test func aWrongModuleFailsTheTestWithHeadlineAndTable() {
    let line = #line + 2
    withKnownIssue {
      expectParity(
        .weights(Fixture.weights) { try Gate($0, isWrong: true) }, with: Fixture.reference)
    } matching: { issue in
      let text = issue.comments.map(\.rawValue).joined()
      return text.hasPrefix("FAIL Gate · first source fc.3 (call 0)")
        && text.contains("\nisolated: on recorded inputs · end to end: whole run · ")
        && text.contains("\nsource") && text.contains("\ninherited")
        && issue.sourceLocation?.line == line
        && issue.sourceLocation?.fileName == "SwiftTestingTests.swift"
    }
  }

  /// The report is there, passing or failing, and a failing test says where.
  @Test func reportsAreWritten() throws {
    let folder = try TemporaryDirectory()
    let (html, json) = (folder.path("report.html"), folder.path("report.json"))
    withKnownIssue {
      expectParity(
        .weights(Fixture.weights) { try Gate($0, isWrong: true) }, with: Fixture.reference,
        html: html, json: json, junit: folder.path("report.xml"))
    } matching: { issue in
      issue.comments.map(\.rawValue).joined().hasSuffix("\nreport: \(html)")
    }
    #expect(try String(contentsOfFile: html, encoding: .utf8).contains("<title>FAIL Gate"))
    #expect(try String(contentsOfFile: json, encoding: .utf8).contains("\"model\": \"Gate\""))
    #expect(folder.names.contains("report.xml"))
    expectParity(.weights(Fixture.weights) { try Gate($0) }, with: Fixture.reference, html: html)
    #expect(try String(contentsOfFile: html, encoding: .utf8).contains("<title>PASS Gate"))
    withKnownIssue {
      expectParity(
        .weights(Fixture.weights) { try Gate($0) }, with: Fixture.reference,
        html: folder.path("no/report.html"))
    } matching: {
      $0.comments.first?.rawValue.contains("a report cannot be written") == true
    }
  }

  /// The network's own name stands in the headline, and the result makes the reports itself.
  @Test func resultsHaveReports() throws {
    let net = try Weights.load(Fixture.weights) { try Gate($0) }
    let result = try Validator(Reference(path: Fixture.reference)).validate(net)
    #expect("\(result)".hasPrefix("PASS Gate · "))
    #expect(result.html().contains("<title>PASS Gate"))
    #expect(result.jsonText().contains("\"verdict\": \"pass\""))
    #expect(result.junit().contains("weighbridge validate Gate"))
    let reference = try Reference(path: Repository.fixture("stn_reference.npz"))
    let plan = try Loader(.builtIn).plan(
      Checkpoints.open(Repository.fixture("stn.npz")), reference: reference.metadata)
    #expect(try Validator(reference).validate(plan.compiled()).model == "stn")
  }

  @Test func requiredParityThrows() throws {
    try requireParity(.weights(Fixture.weights) { try Gate($0) }, with: Fixture.reference)
    let failure = #expect(throws: ParityFailure.self) {
      try requireParity(
        .weights(Fixture.weights) { try Gate($0, isWrong: true) }, with: Fixture.reference)
    }
    let text = try #require(failure?.description)
    #expect(text.hasPrefix("FAIL Gate · first source fc.3"))
    #expect(
      text.components(separatedBy: "\n").dropFirst().allSatisfy { $0.count <= ParityFailure.width })
  }

  /// With a closure that builds it, our own noise can be measured.
  @Test func theOracleRunsWhereItIsWanted() throws {
    var options = ValidationOptions()
    options.oracle = .always
    let verdict = try requireParity(
      .weights(Fixture.weights) { try Gate($0) }, with: Fixture.reference, options: options)
    #expect(verdict.result?.layers.allSatisfy { $0.ownNoise != nil } == true)
    let net = try Weights.load(Fixture.weights) { try Gate($0) }
    let alone = try requireParity(.model(net), with: Fixture.reference, options: options)
    #expect(alone.result?.layers.allSatisfy { $0.ownNoise == nil } == true)
    let both = try requireParity(
      .model(net) { try Weights.load(Fixture.weights, dtype: .float64) { try Gate($0) } },
      with: Fixture.reference, options: options)
    #expect(both.result?.layers.allSatisfy { $0.ownNoise != nil } == true)
  }

  @Test func architecturesAndPlansAreSubjectsToo() throws {
    let reference = try Reference(path: Repository.fixture("stn_reference.npz"))
    let plan = try Loader(.builtIn).plan(
      Checkpoints.open(Repository.fixture("stn.npz")), reference: reference.metadata)
    expectParity(.plan(plan), with: reference.path)
    let layer: any Architecture.Type = SELayer.self
    try requireGeneric(layer)
  }

  private func requireGeneric<A: Architecture>(_ type: A.Type) throws {
    let verdict = try requireParity(
      .architecture(type, weights: Fixture.weights), with: Fixture.reference)
    #expect(verdict.configuration != nil)
    #expect(throws: ParityFailure.self) {
      try requireParity(
        .architecture(type, weights: Fixture.weights, configuration: ["no_such_key": "1"]),
        with: Fixture.reference)
    }
  }

  @Test func namesThatDoNotMapFail() throws {
    let failure = #expect(throws: ParityFailure.self) {
      try requireParity(
        .weights(Fixture.weights) { try Gate($0, hidden: 3) }, with: Fixture.reference)
    }
    let verdict = try #require(failure?.verdict)
    #expect(verdict.exitStatus == 2)
    #expect(verdict.mapping?.mismatched.map(\.parameter) == ["fc.0.weight", "fc.2.weight"])
    #expect("\(ParityFailure(verdict))".contains("fc.0.weight (expects [3, 32], found [2, 32])"))
  }

  @Test(arguments: ["nothing.npz", "se_layer.npz"])
  func filesThatAreNoReferencesFail(_ name: String) {
    withKnownIssue {
      expectParity(.weights(Fixture.weights) { try Gate($0) }, with: Repository.fixture(name))
    } matching: {
      $0.comments.first?.rawValue.contains(name) == true
    }
  }
}
