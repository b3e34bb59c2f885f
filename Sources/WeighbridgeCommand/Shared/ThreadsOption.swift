import ArgumentParser
import Weighbridge

/// `--threads`, as every command that runs a model takes it.
struct ThreadsOption: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many threads compute; without it what OMP_NUM_THREADS says, else one per processor.",
      valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 1024, not \(threads)")
    }
  }

  /// Has the process compute on so many threads.
  func apply() {
    if let threads { Engines.threadCount = threads }
  }
}
