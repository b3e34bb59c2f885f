// swift-tools-version: 6.1
import PackageDescription

let hdf5: Target.Dependency = .target(name: "CHDF5", condition: .when(traits: ["HDF5"]))
let oneDNN: Target.Dependency = .target(name: "COneDNN", condition: .when(traits: ["OneDNN"]))

let package = Package(
  name: "weighbridge",
  platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .visionOS(.v2)],
  products: [
    .library(name: "Weighbridge", targets: ["Weighbridge"]),
    .library(name: "WeighbridgeWeights", targets: ["WeighbridgeWeights"]),
    .library(name: "WeighbridgeCheckpoints", targets: ["WeighbridgeCheckpoints"]),
    .library(
      name: "WeighbridgeNative",
      targets: ["WeighbridgeNative", "WeighbridgeModules", "WeighbridgeModels"]),
    .library(name: "WeighbridgeImages", targets: ["WeighbridgeImages"]),
    .library(name: "WeighbridgeTesting", targets: ["WeighbridgeTesting"]),
    .library(name: "WeighbridgeCommand", targets: ["WeighbridgeCommand"]),
    .executable(name: "weighbridge", targets: ["WeighbridgeCLI"]),
    .plugin(name: "WeighbridgePlugin", targets: ["WeighbridgePlugin"]),
  ],
  traits: [
    .trait(
      name: "OneDNN", description: "Run float32 on oneDNN (libdnnl). Without it, plain Swift."),
    .trait(
      name: "HDF5",
      description: "Write HDF5 with libhdf5, and read what only it decodes: szip and plug-ins."),
    .default(enabledTraits: ["OneDNN", "HDF5"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // System libraries: a module map and the thinnest shim.
    .systemLibrary(
      name: "CHDF5", pkgConfig: "hdf5",
      providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
    .systemLibrary(
      name: "CZip", pkgConfig: "libzip",
      providers: [.apt(["libzip-dev"]), .brew(["libzip"])]),
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]),
    .systemLibrary(
      name: "CPNG", pkgConfig: "libpng",
      providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg",
      providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"]), .brew(["onednn"])]),

    // Loops in C that are compiled for several processors.
    .target(name: "CVectors"),
    // Checksums where CryptoKit is not.
    .target(name: "CSHA256"),
    // What signal handlers may touch.
    .target(name: "CFaults"),
    .target(name: "CFiles"),
    // The compute threads, oneDNN's too.
    .target(name: "CTeam"),

    // Tensors and the engine that computes with them.
    .target(name: "WeighbridgeParallel", dependencies: ["CTeam"]),
    .target(name: "WeighbridgeTensors", dependencies: ["WeighbridgeParallel"]),
    .target(
      name: "WeighbridgeEngine",
      dependencies: ["WeighbridgeTensors", "WeighbridgeParallel", "CVectors", oneDNN]),

    // Pictures as networks read them.
    .target(
      name: "CImages", dependencies: [.target(name: "CPNG", condition: .when(platforms: [.linux]))]),
    .target(
      name: "WeighbridgeImages",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeEngine", "WeighbridgeWeights",
        .target(name: "CImages", condition: .when(platforms: [.linux])),
        .target(name: "CTurboJPEG", condition: .when(platforms: [.linux])),
      ]),

    // Modules built from weight scopes, and the built-in architectures.
    .target(name: "WeighbridgeModules", dependencies: ["WeighbridgeTensors", "WeighbridgeEngine"]),
    .target(name: "WeighbridgeModels", dependencies: ["WeighbridgeModules"]),

    // Files.
    .target(
      name: "WeighbridgeWeights",
      dependencies: ["WeighbridgeTensors", "WeighbridgeParallel", "CSHA256", "CFaults", "CFiles"]),
    .target(
      name: "WeighbridgeNative",
      dependencies: ["WeighbridgeTensors", "WeighbridgeWeights", "WeighbridgeModules"]),
    // Recorded networks: read, checked, and run without any Swift of theirs.
    .target(
      name: "WeighbridgeNetwork",
      dependencies: ["WeighbridgeModules", "WeighbridgeWeights"]),
    .target(
      name: "WeighbridgeCheckpoints",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeWeights", "WeighbridgeParallel", hdf5, "CZip", "CDeflate",
      ]),
    .target(
      name: "WeighbridgeMapping",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeParallel", "WeighbridgeCheckpoints", "WeighbridgeModules",
        "WeighbridgeNative", "WeighbridgeNetwork", "WeighbridgeWeights",
        .product(name: "Yams", package: "Yams"),
      ]),

    // Recorded networks written down in Swift.
    .target(
      name: "WeighbridgePort",
      dependencies: ["WeighbridgeNetwork", "WeighbridgeMapping", "WeighbridgeCheckpoints"]),

    // The verdict. What can be wrong, and how the built-in layers and models are easily got wrong.
    .target(name: "WeighbridgeCauses", dependencies: ["WeighbridgeModules"]),
    .target(
      name: "WeighbridgeModelCauses",
      dependencies: ["WeighbridgeCauses", "WeighbridgeModels", "WeighbridgeModules"]),
    // What is recorded, how far two tensors are apart, what runs show, what a verdict is; then who
    // judges, who finds causes, who writes reports, and who does all of it.
    .target(
      name: "WeighbridgeReferences",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeModules", "WeighbridgeWeights", "WeighbridgeNative",
        "WeighbridgeCheckpoints", "WeighbridgeMapping",
      ]),
    .target(
      name: "WeighbridgeComparison",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeParallel", "WeighbridgeModules", "WeighbridgeReferences",
        "CVectors",
      ]),
    .target(
      name: "WeighbridgeRunning",
      dependencies: [
        "WeighbridgeParallel", "WeighbridgeModules", "WeighbridgeReferences",
        "WeighbridgeComparison",
      ]),
    .target(
      name: "WeighbridgeVerdicts",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeParallel", "WeighbridgeModules", "WeighbridgeCauses",
        "WeighbridgeMapping", "WeighbridgeReferences", "WeighbridgeComparison",
      ]),
    .target(
      name: "WeighbridgeJudgement",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeModules", "WeighbridgeReferences",
        "WeighbridgeComparison", "WeighbridgeRunning", "WeighbridgeVerdicts",
      ]),
    .target(
      name: "WeighbridgeDiagnosis",
      dependencies: [
        "WeighbridgeModules", "WeighbridgeCauses", "WeighbridgeReferences", "WeighbridgeComparison",
        "WeighbridgeRunning", "WeighbridgeVerdicts", "WeighbridgeJudgement",
      ]),
    .target(
      name: "WeighbridgeReports",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeModules", "WeighbridgeCauses", "WeighbridgeWeights",
        "WeighbridgeNative", "WeighbridgeMapping", "WeighbridgeReferences", "WeighbridgeComparison",
        "WeighbridgeVerdicts",
      ]),
    .target(
      name: "WeighbridgeParity",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeModules", "WeighbridgeCauses", "WeighbridgeCheckpoints",
        "WeighbridgeNetwork", "WeighbridgeMapping", "WeighbridgeReferences",
        "WeighbridgeComparison", "WeighbridgeRunning", "WeighbridgeVerdicts",
        "WeighbridgeJudgement", "WeighbridgeDiagnosis", "CVectors",
      ]),

    // Which tensor of a file each parameter is, by evidence.
    .target(
      name: "WeighbridgeAlignment",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeCheckpoints", "WeighbridgeMapping", "WeighbridgeModules",
        "WeighbridgeReferences", "WeighbridgeWeights",
      ]),

    // What users import, and the command.
    .target(
      name: "Weighbridge",
      dependencies: [
        "WeighbridgeTensors", "WeighbridgeEngine", "WeighbridgeModules", "WeighbridgeModels",
        "WeighbridgeWeights", "WeighbridgeNative", "WeighbridgeNetwork", "WeighbridgeCheckpoints",
        "WeighbridgeMapping", "WeighbridgeAlignment",
        "WeighbridgeModelCauses", "WeighbridgeParity", "WeighbridgeReports",
      ]),
    // For users' tests, of Swift Testing or XCTest.
    .target(name: "WeighbridgeTesting", dependencies: ["Weighbridge"]),
    // The command as a library, for tools with your own architectures.
    .target(
      name: "WeighbridgeCommand",
      dependencies: [
        "Weighbridge", "WeighbridgeCheckpoints", "WeighbridgeModules", "WeighbridgeImages",
        "WeighbridgeTensors", "WeighbridgeWeights", "WeighbridgePort", "CFaults",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "WeighbridgeCLI", dependencies: ["WeighbridgeCommand"]),
    .plugin(
      name: "WeighbridgePlugin",
      capability: .command(
        intent: .custom(
          verb: "weighbridge",
          description: "The weighbridge command with this package's architectures"),
        permissions: [
          .writeToPackageDirectory(reason: "Converted weights and reports are files of yours.")
        ]), path: "Sources/WeighbridgePlugin"),

    // What several test targets need.
    .target(
      name: "TestSupport", dependencies: ["WeighbridgeModules", "WeighbridgeTensors"],
      path: "Tests/TestSupport"),
    .testTarget(
      name: "WeighbridgeMappingTests",
      dependencies: [
        "TestSupport",
        "WeighbridgeMapping", "WeighbridgeModels", "WeighbridgeModules", "WeighbridgeCheckpoints",
        "WeighbridgeNative", "WeighbridgeTensors", "WeighbridgeWeights",
      ]),
    .testTarget(
      name: "WeighbridgeNativeTests",
      dependencies: [
        "TestSupport",
        "WeighbridgeNative", "WeighbridgeModels", "WeighbridgeModules", "WeighbridgeWeights",
      ]),
    .testTarget(
      name: "WeighbridgeCLITests", dependencies: ["TestSupport", "WeighbridgeCLI", "Weighbridge"],
      exclude: ["Snapshots"]),
    .testTarget(
      name: "WeighbridgeParityTests",
      dependencies: [
        "TestSupport",
        "WeighbridgeParity", "WeighbridgeReports", "WeighbridgeDiagnosis", "WeighbridgeJudgement",
        "WeighbridgeVerdicts", "WeighbridgeRunning", "WeighbridgeComparison",
        "WeighbridgeReferences", "WeighbridgeMapping", "WeighbridgeModules", "WeighbridgeNetwork",
        "WeighbridgeCheckpoints", "WeighbridgeTensors", "WeighbridgeWeights",
      ]),
    .testTarget(
      name: "WeighbridgeAlignmentTests",
      dependencies: [
        "TestSupport",
        "WeighbridgeAlignment", "WeighbridgeMapping", "WeighbridgeModels", "WeighbridgeModules",
        "WeighbridgeReferences", "WeighbridgeRunning",
      ]),
    .testTarget(
      name: "WeighbridgeTestingTests",
      dependencies: ["TestSupport", "WeighbridgeTesting", "Weighbridge"]),
    .testTarget(
      name: "WeighbridgeImagesTests",
      dependencies: [
        "TestSupport", "WeighbridgeImages", "WeighbridgeCheckpoints", "WeighbridgeTensors",
      ]),
    .testTarget(
      name: "WeighbridgeNetworkTests",
      dependencies: [
        "TestSupport", "WeighbridgeNetwork", "WeighbridgeMapping", "WeighbridgeCheckpoints",
        "WeighbridgeParity",
      ]),
    .testTarget(
      name: "WeighbridgePortTests",
      dependencies: [
        "TestSupport", "WeighbridgePort", "WeighbridgeNetwork", "WeighbridgeMapping",
        "WeighbridgeCheckpoints", "WeighbridgeReferences", "WeighbridgeTensors",
      ]),
    .testTarget(name: "CVectorsTests", dependencies: ["CVectors"]),
    .testTarget(name: "WeighbridgeParallelTests", dependencies: ["WeighbridgeParallel", "CTeam"]),
    .testTarget(name: "CSHA256Tests", dependencies: ["CSHA256"]),
    .testTarget(
      name: "WeighbridgeTensorsTests", dependencies: ["TestSupport", "WeighbridgeTensors"]),
    .testTarget(
      name: "WeighbridgeModelsTests",
      dependencies: [
        "TestSupport", "WeighbridgeModelCauses", "WeighbridgeCauses", "WeighbridgeModels",
        "WeighbridgeModules", "WeighbridgeCheckpoints",
      ]),
    .testTarget(
      name: "WeighbridgeEngineTests", dependencies: ["TestSupport", "WeighbridgeEngine"]),
    .testTarget(
      name: "WeighbridgeModulesTests",
      dependencies: [
        "WeighbridgeTensors", "TestSupport", "WeighbridgeCauses", "WeighbridgeModules",
      ]),
    .testTarget(
      name: "WeighbridgeOneDNNTests",
      dependencies: ["TestSupport", "WeighbridgeEngine", "WeighbridgeParallel"]),
    .testTarget(
      name: "WeighbridgeCheckpointsTests",
      dependencies: [
        "TestSupport", "WeighbridgeCheckpoints", "WeighbridgeWeights", "WeighbridgeTensors", hdf5,
      ]),
    .testTarget(
      name: "WeighbridgeWeightsTests",
      dependencies: ["TestSupport", "WeighbridgeWeights", "WeighbridgeTensors"]),
  ],
  swiftLanguageModes: [.v6]
)
