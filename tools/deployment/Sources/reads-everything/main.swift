import Weighbridge

// reads-everything FILE: what a checkpoint of any format holds. Without a file it only starts.
if CommandLine.arguments.count == 2 {
  do {
    print(try Checkpoints.open(CommandLine.arguments[1]).entries.count, "tensors")
  } catch {
    print(error)
  }
}
