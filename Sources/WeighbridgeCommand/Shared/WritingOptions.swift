import ArgumentParser
import Weighbridge

/// How a checkpoint is written: compressed, in parts, in another order of axes.
struct WritingOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Compress an npz or HDF5 file, from 1, the fastest, to 9.", valueName: "n"))
  var gzip: Int?
  @Option(
    help: ArgumentHelp(
      "Write plain safetensors files of at most this size, and their index: 2GB, 500MB.",
      valueName: "size"))
  var shardSize: String?
  @Option(
    help: ArgumentHelp(
      "The order of a kernel's axes: pytorch, or mlx, channels last, for MLX to load as it is.",
      valueName: "layout"),
    completion: .list(["pytorch", "mlx"]))
  var layout: String?

  /// Whether a safetensors file is a plain one, because a native one cannot be so.
  var isPlain: Bool { shardSize != nil || layout == ExportLayout.mlx.rawValue }

  /// - Throws: `usage` for another layout, and for one that the format or the lack of a model rules out.
  func parsedLayout(
    _ format: ExportFormat, model: String?, _ output: String
  ) throws -> ExportLayout {
    guard let layout else { return .pytorch }
    guard let parsed = ExportLayout(rawValue: layout) else {
      throw WeighbridgeError(.usage, "--layout takes pytorch or mlx, not '\(layout)'")
    }
    guard parsed == .mlx else { return parsed }
    guard model != "none" else {
      throw WeighbridgeError(
        .usage, "--layout mlx needs a model, which says what is a kernel", file: output,
        remedy: "Leave --model none out")
    }
    guard let format = format.checkpointFormat, [.safetensors, .npz].contains(format) else {
      throw WeighbridgeError(
        .usage, "MLX loads safetensors and npz files", file: output,
        remedy: "End the path in .safetensors or .npz, without --format")
    }
    return parsed
  }

  /// A number of bytes; `nil` where it was not asked for.
  ///
  /// - Throws: `usage` for what is no size, and for another format than safetensors.
  func parsedShardSize(_ format: ExportFormat, _ output: String) throws -> Int? {
    guard let shardSize else { return nil }
    guard format.checkpointFormat == .safetensors, gzip == nil else {
      throw WeighbridgeError(
        .usage, "--shard-size writes plain safetensors files", file: output,
        remedy: "End the path in .safetensors, without --format and --gzip")
    }
    let text = shardSize.uppercased()
    let units = [("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)]
    let unit = units.first { text.hasSuffix($0.0) }
    guard let count = Int(text.dropLast(unit == nil ? 0 : 2)), count > 0,
      case let (bytes, overflow) = count.multipliedReportingOverflow(by: unit?.1 ?? 1), !overflow
    else {
      throw WeighbridgeError(
        .usage, "--shard-size takes a size such as 2GB or 500MB, not '\(shardSize)'")
    }
    return bytes
  }
}
