// swift-tools-version: 6.1
import PackageDescription

// Two programs as a user would write them, to see what they weigh: tools/deploy. Outside the main package
// graph, so that nobody who uses Weighbridge builds it.
let traits: Set<Package.Dependency.Trait> =
  Context.environment["WITHOUT_ONEDNN"] == nil ? [.defaults] : []
let package = Package(
  name: "weighbridge-deployment",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "weighbridge", path: "../..", traits: traits)],
  targets: [
    .executableTarget(
      name: "native-only",
      dependencies: [.product(name: "WeighbridgeNative", package: "weighbridge")]),
    .executableTarget(
      name: "reads-everything",
      dependencies: [.product(name: "Weighbridge", package: "weighbridge")]),
  ],
  swiftLanguageModes: [.v6]
)
