// swift-tools-version: 6.1
import PackageDescription

// Outside the main package graph, so that nobody who uses Weighbridge builds it.
let package = Package(
  name: "weighbridge-foreign",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "weighbridge", path: "../..")],
  targets: [
    .executableTarget(
      name: "weighbridge-foreign",
      dependencies: [.product(name: "Weighbridge", package: "weighbridge")])
  ],
  swiftLanguageModes: [.v6]
)
