import Foundation
import TestSupport
import Testing

@testable import WeighbridgeCheckpoints

/// The one list of formats, and what is written about it by hand.
@Suite struct FormatListTests {
  private static let root = Repository.root

  private static func text(_ name: String) throws -> String {
    try String(contentsOf: root.appending(path: name), encoding: .utf8)
  }

  @Test func idsAndExtensionsAreOneFormatsAlone() {
    let formats = CheckpointFormat.all
    #expect(Set(formats.map(\.id)).count == formats.count)
    let extensions = formats.flatMap(\.extensions)
    #expect(Set(extensions).count == extensions.count)
    for format in formats where format.write != nil {
      for ending in format.extensions {
        #expect(CheckpointFormat(pathExtension: "a/b.\(ending.uppercased())") == format)
        #expect(CheckpointFormat(named: ending) == format)
      }
      #expect(CheckpointFormat(named: format.id) == format)
    }
    #expect(CheckpointFormat(pathExtension: "safetensors/file") == nil)
  }

  /// README's table is made of the list: this prints the rows that it must have.
  @Test func readmeHasTheTable() throws {
    let rows = CheckpointFormat.all.map { format in
      let isWritten = format.write != nil || format.missing != nil
      let written = isWritten ? format.holdsOneTensor ? "one array, in Swift" : "yes" : ""
      let endings = format.extensions.map { "`.\($0)`" }.joined(separator: " ")
      return "| `\(format.id)` | \(endings) | \(format.summary) | \(written) |"
    }
    let table = (["| format | names end in | read | written |", "|---|---|---|---|"] + rows)
      .joined(separator: "\n")
    #expect(try Self.text("README.md").contains(table), "README.md needs:\n\(table)")
  }

  /// CONTRIBUTING's recipe holds for the formats that are there: each has its folder with a descriptor,
  /// and no file outside of it, but the list, names it.
  @Test func theRecipeIsTrue() throws {
    let sources = Self.root.appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(atPath: sources.path))
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
    for format in CheckpointFormat.all {
      let descriptors = try files.filter {
        try Self.text("Sources/\($0)").contains("static let \(format.id) = CheckpointFormat(")
      }
      #expect(descriptors.count == 1, "\(format.id): \(descriptors)")
      #expect(descriptors.first?.hasSuffix("Format.swift") == true)
      #expect(
        descriptors.first?.split(separator: "/").count == 3, "\(format.id) has no folder of its own"
      )
    }
    let recipe = try Self.text("CONTRIBUTING.md")
    #expect(recipe.contains("Sources/WeighbridgeCheckpoints/Formats/CheckpointFormat.swift"))
  }
}
