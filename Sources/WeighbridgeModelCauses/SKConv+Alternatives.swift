import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension SKConv: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let forms: [(Cause.Kind, Weighing, String)] = [
      (.branchOrder, .interleaved, "has the scores as (channel, branch), here (branch, channel)"),
      (.branchOrder, .reversed, "has the branches' scores in the opposite order"),
      (.branchOrder, .crossed, "weighs each branch by the weights of the opposite one"),
      (.softmaxAxis, .overChannels, "takes the softmax over the channels, here over the branches"),
      (.softmaxAxis, .sigmoid, "weighs each branch by a sigmoid, here by a softmax"),
      (.seWiring, .none, "adds the branches without weights"),
    ]
    return forms.map { kind, weighing, words in
      Alternative(
        Cause(
          kind, "the reference \(words)",
          fix: .code("weigh the branches in \(path) as the reference: it \(words)"))
      ) { try forward($0, weighing) }
    }
  }
}
