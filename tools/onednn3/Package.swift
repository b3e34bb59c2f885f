// swift-tools-version: 6.1
import PackageDescription

// The engine alone, with its tests: tools/test-onednn3 builds it in a folder that links to Sources,
// Tests and fixtures.

let oneDNN: Target.Dependency = .target(name: "COneDNN", condition: .when(traits: ["OneDNN"]))

let package = Package(
  name: "weighbridge-engine",
  platforms: [.macOS(.v15)],
  traits: [.trait(name: "OneDNN"), .default(enabledTraits: ["OneDNN"])],
  targets: [
    .systemLibrary(name: "COneDNN"),
    .target(name: "CVectors"),
    .target(name: "CTeam"),
    .target(name: "WeighbridgeParallel", dependencies: ["CTeam"]),
    .target(name: "WeighbridgeTensors", dependencies: ["WeighbridgeParallel"]),
    .target(
      name: "WeighbridgeEngine",
      dependencies: ["WeighbridgeTensors", "WeighbridgeParallel", "CVectors", oneDNN]),
    .target(name: "WeighbridgeModules", dependencies: ["WeighbridgeTensors", "WeighbridgeEngine"]),
    .target(
      name: "TestSupport", dependencies: ["WeighbridgeModules", "WeighbridgeTensors"],
      path: "Tests/TestSupport"),
    .testTarget(name: "WeighbridgeParallelTests", dependencies: ["WeighbridgeParallel", "CTeam"]),
    .testTarget(
      name: "WeighbridgeEngineTests", dependencies: ["TestSupport", "WeighbridgeEngine"]),
    .testTarget(
      name: "WeighbridgeOneDNNTests",
      dependencies: ["TestSupport", "WeighbridgeEngine", "WeighbridgeParallel"]),
  ],
  swiftLanguageModes: [.v6]
)
