import Testing

@testable import WeighbridgeTensors

@Suite("Settings in sentences")
struct SettingTests {
  /// A program that calls the libraries has arguments, and no options.
  @Test func settingsAreSwiftUnlessSomebodySaysOtherwise() {
    let settings: [Setting] = [
      .model(), .model("vit"), .root("ema"), .anyRoot, .rules, .weights, .reference,
      .configuration("eps", "0.1"), .format("safetensors"), .pictures, .partialPass,
      .coarseTolerance, .oracle, .reach, .suggestedRules, .json, .command("map"),
    ]
    for setting in settings { #expect(!"\(setting)".contains("--"), "\(setting)") }
    #expect(Set(settings.map(\.description)).count == settings.count)
    #expect("Say \(Setting.root("ema"))" == "Say `root: \"ema\"`")
  }

  /// The innermost caller's words are taken, and only while it runs.
  @Test func whoeverCallsSaysHow() {
    func word() -> String { Setting.rules.description }
    let outer = Setting.spelled { _ in
      "outer"
    } during: {
      (word(), inner(), word())
    }
    #expect(outer == ("outer", "inner", "outer"))
    #expect(word() == "`rules:`")
    func inner() -> String {
      Setting.spelled { _ in
        "inner"
      } during: {
        word()
      }
    }
  }

  @Test func errorsOfTheBodyComeThrough() {
    #expect(throws: WeighbridgeError.self) {
      try Setting.spelled { _ in
        ""
      } during: {
        throw WeighbridgeError(.usage, "no")
      }
    }
  }
}
