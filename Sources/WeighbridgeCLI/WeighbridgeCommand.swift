import ArgumentParser
import Weighbridge

/// The `weighbridge` command: one subcommand per file in `Commands/`.
@main
struct WeighbridgeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weighbridge",
    abstract: "Takes weights trained in PyTorch into Swift and proves that they arrived.",
    discussion: """
      A checkpoint is a file of named tensors, known by its content: \
      \(CheckpointFormat.titles()).

        weighbridge inspect model.npz
            what is in the file
        weighbridge map model.npz
            how it fits an architecture
        weighbridge validate --weights model.npz --reference recorded.npz
            whether every layer computes the same
        weighbridge convert model.npz model.safetensors
            the native weight file
        weighbridge verify model.safetensors --against model.npz
            whether it holds what was written

      Exit status: 0 it holds; 1 compared, and something differs; 2 the names do not map one to \
      one; 3 a file can't be read or written; 64 wrong usage.
      """,
    version: WeighbridgeVersion.current,
    subcommands: [
      ModelsCommand.self, InspectCommand.self, MapCommand.self, ConvertCommand.self,
      ValidateCommand.self, RunCommand.self, DiffCommand.self, VerifyCommand.self,
    ])

  static func main() {
    Entry.run(arguments: Array(CommandLine.arguments.dropFirst()))
  }
}
