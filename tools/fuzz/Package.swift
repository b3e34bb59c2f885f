// swift-tools-version: 6.1
import PackageDescription

// Outside the main package graph; built by tools/fuzz-readers, which says how it is instrumented.
let package = Package(
  name: "weighbridge-fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "weighbridge", path: "../..", traits: [])],
  targets: [
    .target(name: "CLibFuzzer"),
    .executableTarget(
      name: "weighbridge-fuzz",
      dependencies: [
        "CLibFuzzer", .product(name: "WeighbridgeCheckpoints", package: "weighbridge"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
