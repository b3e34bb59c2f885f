import WeighbridgeNetwork

/// Writes the files of a ported package.
struct PackageWriter {
  let porting: Porting
  let name: String
  let id: String
  let library: String
  let weights: String
  let reference: String

  private var network: Network { porting.recording.network }

  func files() throws -> [PortedPackage.File] {
    var files = [
      PortedPackage.File(path: "Package.swift", text: manifest()),
      PortedPackage.File(path: ".swift-format", text: PackageWriter.format),
    ]
    let sources = try self.sources()
    files += sources
    let texts = sources.map(\.text).joined()
    files.append(
      .init(path: "Sources/\(name)/\(rootName)+Architecture.swift", text: architecture()))
    if let support = Support.text(for: texts) {
      files.append(.init(path: "Sources/\(name)/Support.swift", text: support))
    }
    files.append(.init(path: "Sources/\(id)-tool/Tool.swift", text: tool()))
    files.append(.init(path: "Tests/\(name)Tests/ParityTests.swift", text: test()))
    return files
  }

  private var root: Family {
    porting.families.last { $0.drafts.contains { $0.node == 0 } } ?? porting.families[0]
  }
  private var rootName: String { root.name }

  // Sources

  /// One file for each source module of the Python, named like it.
  private func sources() throws -> [PortedPackage.File] {
    var order: [String] = []
    var families: [String: [Family]] = [:]
    for family in porting.families {
      let module = Recording.owner(of: family.className)
      if families[module] == nil { order.append(module) }
      families[module, default: []].append(family)
    }
    var names = Names(taken: ["Support", "\(rootName)+Architecture"])
    return try order.map { module in
      let words = module.split(separator: ".").suffix(1).map(String.init)
      let file = names.unique(Names.type(words.last ?? "", other: "Module"))
      var lines: [String] = []
      let members = families[module] ?? []
      if members.contains(where: \.first.needsFoundation) { lines.append("import Foundation") }
      lines.append("import WeighbridgeNative")
      for family in members {
        for bundle in porting.bundles where bundle.isShared && bundle.users.first === family {
          lines += [""] + BundleWriter(bundle: bundle).lines()
        }
        lines.append("")
        lines += try StructWriter(
          porting: porting, family: family, isRoot: family === root
        ).lines()
      }
      return .init(
        path: "Sources/\(name)/\(file).swift", text: lines.joined(separator: "\n") + "\n")
    }
  }

  // The architecture

  private func architecture() -> String {
    let shapes = network.nodes.filter { $0.original == nil }.flatMap { node in
      node.parameters.map { (name: node.name($0.name), shape: $0.shape) }
    }
    // A name that fills a line says no more than another one.
    let short = shapes.filter { $0.name.count < 72 }
    let candidates = short.isEmpty ? shapes : short
    var chosen = [
      candidates.first, candidates.isEmpty ? nil : candidates[candidates.count / 2],
      candidates.last,
    ].compactMap { $0 }
    var seen: Set<String> = []
    chosen = chosen.filter { seen.insert($0.name).inserted }
    let landmarks = chosen.map { item in
      "  \(Code.string(item.name).text): [\(item.shape.map(String.init).joined(separator: ", "))],"
    }
    let summary = "\(network.className), ported from PyTorch"
    return """
      \(imports("WeighbridgeNative"))

      extension \(rootName): FixedArchitecture {
        public static let id = \(Code.string(id).text)
        public static let summary = \(Code.string(Names.comment(summary)).text)
        public static let landmarks: [String: Shape] = [
          \(landmarks.isEmpty ? ":" : landmarks.joined(separator: "\n    "))
        ]
      }

      """
  }

  private func imports(_ modules: String...) -> String {
    modules.map { "import \($0)" }.joined(separator: "\n")
  }

  // Around it

  private func manifest() -> String {
    let isAddress = library.contains("://")
    let identity =
      library.split(separator: "/").last.map { $0.replacing(".git", with: "") } ?? "weighbridge"
    let dependency =
      isAddress
      ? ".package(url: \(Code.string(library).text), branch: \"main\")"
      : ".package(path: \(Code.string(library).text))"
    let package = Code.string(identity.lowercased()).text
    return """
      // swift-tools-version: 6.1
      import PackageDescription

      let package = Package(
        name: \(Code.string(id).text),
        platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .visionOS(.v2)],
        products: [.library(name: \(Code.string(name).text), targets: [\(Code.string(name).text)])],
        dependencies: [\(dependency)],
        targets: [
          .target(
            name: \(Code.string(name).text),
            dependencies: [.product(name: "WeighbridgeNative", package: \(package))]),
          .executableTarget(
            name: \(Code.string("\(id)-tool").text),
            dependencies: [
              \(Code.string(name).text), .product(name: "WeighbridgeCommand", package: \(package)),
            ]),
          .testTarget(
            name: \(Code.string("\(name)Tests").text),
            dependencies: [
              \(Code.string(name).text), .product(name: "WeighbridgeTesting", package: \(package)),
            ], exclude: [\(Code.string(Recording.file(of: reference)).text)]),
        ])

      """
  }

  private func tool() -> String {
    """
    \(imports(name, "WeighbridgeCommand"))

    /// The whole command, which knows this network, too.
    @main struct Tool: WeighbridgeTool {
      static let architectures: [any Architecture.Type] = [\(rootName).self]
    }

    """
  }

  private func test() -> String {
    """
    \(imports("Foundation", "Testing", "WeighbridgeTesting"))

    @testable import \(name)

    /// Every module of the network computes what PyTorch did when it was recorded.
    @Test func sameAsPyTorch() {
      let tests = URL(filePath: #filePath).deletingLastPathComponent()
      let package = tests.deletingLastPathComponent().deletingLastPathComponent()
      expectParity(
        .weights(package.appending(path: \(Code.string(weights).text)).path) { try \(rootName)($0) },
        with: tests.appending(path: \(Code.string(Recording.file(of: reference)).text)).path)
    }

    """
  }

  /// How `swift format` lays the sources out.
  static let format = """
    {
      "version": 1,
      "lineLength": 100,
      "indentation": { "spaces": 2 },
      "respectsExistingLineBreaks": true,
      "lineBreakBeforeEachArgument": false
    }

    """
}

extension Recording {
  /// The last component of a file's path.
  static func file(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }
}
