import ArgumentParser
import Weighbridge

/// The command: one subcommand per file in `Commands/`.
struct RootCommand: ParsableCommand {
  static var configuration: CommandConfiguration { of(Tool.current) }

  private static func of(_ tool: Tool) -> CommandConfiguration {
    CommandConfiguration(
      commandName: tool.name,
      abstract: "Takes weights trained in PyTorch into Swift and proves that they arrived.",
      discussion: """
        A checkpoint is a file of named tensors, known by its content: \
        \(CheckpointFormat.titles()).

        EXAMPLES
          \(tool.name) inspect model.npz
              what is in the file
          \(tool.name) map model.npz
              how it fits an architecture
          \(tool.name) validate --weights model.npz --reference recorded.npz
              whether every layer computes the same
          \(tool.name) convert model.npz model.safetensors
              the native weight file
          \(tool.name) verify model.safetensors --against model.npz
              whether it holds what was written

        WORDS
        A checkpoint's names are matched, missing (the model asks, the file has none), unexpected (the \
        other way round), mismatched (another shape), or unused (loaded, and no output depends on \
        them). A layer's status is one of:

        \(Glossary.statuses)

        COMPLETIONS AND MANUAL
          \(tool.name) --generate-completion-script bash > \
        ~/.local/share/bash-completion/completions/\(tool.name)
          \(tool.name) manual | man -l -

        Exit status: 0 it holds; 1 compared, and something differs; 2 the names do not map one to \
        one; 3 a file can't be read or written, or there is not the memory; 64 wrong usage.
        """,
      version: tool.version,
      subcommands: [
        ModelsCommand.self, InspectCommand.self, MapCommand.self, ConvertCommand.self,
        ValidateCommand.self, RunCommand.self, DiffCommand.self, VerifyCommand.self,
        PortCommand.self, ManualCommand.self,
      ])
  }
}
