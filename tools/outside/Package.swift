// swift-tools-version: 6.1
import PackageDescription

// Outside the main package graph, as a user's own package is.
let package = Package(
  name: "weighbridge-outside",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "weighbridge", path: "../..")],
  targets: [
    .executableTarget(
      name: "outside-verdict",
      dependencies: [.product(name: "Weighbridge", package: "weighbridge")])
  ],
  swiftLanguageModes: [.v6]
)
