import Foundation
import PackagePlugin

/// `swift package weighbridge …`: builds the tool of the package that it is called in, an executable that
/// depends on `WeighbridgeCommand`, and calls it with the arguments.
@main
struct WeighbridgePlugin: CommandPlugin {
  func performCommand(context: PluginContext, arguments: [String]) throws {
    let tools = context.package.products(ofType: ExecutableProduct.self).filter { product in
      product.targets.contains { $0.dependencies.contains(where: WeighbridgePlugin.isCommand) }
    }
    guard let tool = tools.first else {
      throw WeighbridgePluginError(
        "no executable of \(context.package.displayName) depends on WeighbridgeCommand: "
          + "README's 'A command of your own' shows how to make one")
    }
    guard tools.count == 1 else {
      let names = tools.map(\.name).joined(separator: ", ")
      throw WeighbridgePluginError(
        "several executables depend on WeighbridgeCommand: \(names). Call one with swift run")
    }
    let built = try packageManager.build(
      .product(tool.name), parameters: .init(configuration: .inherit))
    guard built.succeeded,
      let file = built.builtArtifacts.first(where: { $0.kind == .executable })
    else {
      throw WeighbridgePluginError("\(tool.name) does not build:\n\(built.logText)")
    }
    let process = Process()
    process.executableURL = file.url
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    // The command has said why.
    guard process.terminationStatus == 0 else { exit(process.terminationStatus) }
  }

  private static func isCommand(_ dependency: TargetDependency) -> Bool {
    guard case .product(let product) = dependency else { return false }
    return product.name == "WeighbridgeCommand"
  }
}

/// Why the plugin cannot go on.
struct WeighbridgePluginError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
