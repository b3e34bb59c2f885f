import Foundation
import TestSupport
import Testing

/// `run --profile`, `--explain` and `--eager`, through the built command.
@Suite struct ProfileCommandTests {
  private static let block = [
    "run", "--weights", Repository.fixture("se_bottleneck.npz"), "--input",
    Repository.fixture("se_bottleneck_reference.npz"),
  ]

  private func profile(_ run: CommandRun) throws -> [String: Any] {
    #expect(run.status == 0, "\(run.errors)")
    return try #require(try json(run)["profile"] as? [String: Any])
  }

  @Test(arguments: [60, 100])
  func tablesFit(_ width: Int) throws {
    let run = try CommandRun(
      list: Self.block + ["--profile", "--explain"], environment: ["COLUMNS": "\(width)"])
    #expect(run.status == 0, "\(run.errors)")
    let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.allSatisfy { $0.count <= width }, "\(run.output)")
    for title in ["operator ", "ran as one ", "module "] {
      #expect(lines.contains { $0.hasPrefix(title) }, "\(title) in \(run.output)")
    }
    #expect(lines.contains { $0.hasPrefix("total ") && $0.contains("100.0 %") })
  }

  @Test func sharesAddUp() throws {
    let seen = try profile(CommandRun(list: Self.block + ["--profile", "--json"]))
    let total = try #require(seen["seconds"] as? Double)
    let steps = try #require(seen["steps"] as? [[String: Any]])
    let sum = steps.reduce(0) { $0 + ($1["seconds"] as? Double ?? .nan) }
    #expect(sum > 0 && sum <= total)
    let between = try #require(seen["seconds_between"] as? Double)
    #expect(abs(sum + between - total) < 1e-6)
    let names = try #require(seen["joint"] as? [[String: Any]]).map { $0["name"] as? String }
    #expect(names.contains("convolution + batch norm + relu"))
    #expect(names.contains("channel gate + residual + relu"))
  }

  @Test func eagerRunsJoinNothingAndComputeTheSame() throws {
    let seen = try profile(CommandRun(list: Self.block + ["--profile", "--eager", "--json"]))
    #expect((seen["joint"] as? [Any])?.isEmpty == true)
    #expect(seen["eager"] as? Bool == true)
    let space = try Workspace()
    let files = [space.path("joint.npz"), space.path("eager.npz")]
    for (file, options) in zip(files, [[], ["--eager"]]) {
      let run = try CommandRun(list: Self.block + ["--output", file] + options)
      #expect(run.status == 0, "\(run.errors)")
    }
    let diff = try CommandRun(list: ["diff"] + files + ["--rtol", "1e-4", "--atol", "1e-5"])
    #expect(diff.status == 0, "\(diff.output)")
  }

  @Test func everyModuleIsExplained() throws {
    let run = try CommandRun(list: Self.block + ["--explain"])
    #expect(run.output.contains("BatchNorm2d: folded into conv1"), "\(run.output)")
    #expect(run.output.contains("ReLU, called 3 times: in the step of conv1, conv2, se"))
  }

  @Test func recordedNetworksAreProfiled() throws {
    let reference = Repository.fixture("networks/resnet_reference.npz")
    let run = try CommandRun(
      "run", "--model", "recorded", "--weights", Repository.fixture("networks/resnet.npz"),
      "--input", reference, "--profile", "--explain", "--json")
    let seen = try profile(run)
    let joint = try #require(seen["joint"] as? [[String: Any]])
    #expect(joint.contains { $0["name"] as? String == "convolution + batch norm + relu" })
    let modules = try #require(try json(run)["explanation"] as? [[String: Any]])
    #expect(modules.contains { ($0["how"] as? String)?.contains("folded into") == true })
  }

  @Test func whatDoesNotGoTogetherIsSaid() throws {
    let both = try CommandRun(list: Self.block + ["--profile", "--activations"])
    #expect(both.status == 64)
    #expect(both.errors.split(separator: "\n").count == 1, "\(both.errors)")
    let none = try CommandRun(list: Self.block + ["--profile", "--runs", "0"])
    #expect(none.status == 64 && none.errors.contains("--runs takes a number from 1 to 10000"))
  }
}
