import Foundation
import TestSupport
import Testing

@testable import WeighbridgeNetwork

/// The table of functions is the format's: the recorder's, name by name.
struct VocabularyTests {
  /// The recorder's signatures: names, and what each takes.
  private func signatures() throws -> [String: [String]] {
    let path = Repository.root.appending(
      path: "tools/recorder/weighbridge_recorder/network/vocabulary.py")
    let text = try String(contentsOf: path, encoding: .utf8)
    let table = text.split(separator: "\"\"\"", omittingEmptySubsequences: false)[3]
    return Dictionary(
      uniqueKeysWithValues: table.split(separator: "\n").map { line in
        let parts = line.dropLast().split(separator: "(", maxSplits: 1)
        // Defaults may hold commas in parentheses of their own.
        var (names, depth, current) = ([String](), 0, "")
        for character in parts[1] + "," {
          switch character {
          case "(": depth += 1
          case ")": depth -= 1
          case "," where depth == 0:
            names.append(
              current.split(separator: "=")[0].trimmingCharacters(in: [" ", "*"]))
            current = ""
          default: current.append(character)
          }
        }
        return (String(parts[0]), names)
      })
  }

  @Test func everyFunctionOfTheFormatIsKnown() throws {
    let signatures = try signatures()
    #expect(signatures.count > 200)
    let known = Dictionary(
      Vocabulary.functions.map { ($0.name, $0.parameters) }, uniquingKeysWith: { a, _ in a })
    #expect(Set(known.keys) == Set(signatures.keys))
    for (name, parameters) in signatures { #expect(known[name] == parameters, "\(name)") }
    #expect(Vocabulary.functions.count == known.count, "a function stands twice")
  }

  @Test("what cannot be run here is a list that does not grow unseen")
  func refusals() {
    let refused = Vocabulary.functions.filter { $0.run == nil }.map(\.name).sorted()
    #expect(
      refused == [
        "acos", "adaptive_avg_pool3d", "asin", "atan", "atan2", "avg_pool3d", "bilinear", "conv3d",
        "conv_transpose3d", "erfc", "fmod", "hypot", "index_add", "lp_pool1d", "lp_pool2d",
        "max_pool3d", "max_unpool2d", "median", "rot90", "tensordot",
      ])
  }
}
