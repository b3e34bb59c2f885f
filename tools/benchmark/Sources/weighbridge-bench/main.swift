// One side of a benchmark: prepares a job, then repeats it as often as each line of standard input
// says, and answers with the seconds of every repetition as a JSON array.
//
//   weighbridge-bench forward MODEL WEIGHTS INPUTS     one forward pass; inputs/0 … of INPUTS;
//                                                      - for a model without weights
//   weighbridge-bench at-once COUNT MODEL WEIGHTS INPUTS
//                                                      so many passes, each on a thread of its own
//   weighbridge-bench read FILE                        opens FILE and touches every tensor's bytes
//   weighbridge-bench map FILE                         maps FILE and touches every byte

import Weighbridge

let arguments = CommandLine.arguments.dropFirst()

func repeatOnDemand(_ job: () throws -> Void) throws {
  let clock = ContinuousClock()
  while let line = readLine(), let count = Int(line) {
    var seconds: [Double] = []
    for _ in 0..<count {
      let elapsed = try clock.measure { try job() }
      seconds.append(elapsed / .seconds(1))
    }
    print(seconds)
    flushStandardOutput()
  }
}

do {
  switch arguments.first {
  case "forward" where arguments.count == 4:
    let words = Array(arguments)
    try repeatOnDemand(
      forwardJob(model: words[1], weights: words[2] == "-" ? nil : words[2], inputs: words[3]))
  case "at-once" where arguments.count == 5:
    let words = Array(arguments)
    let pass = try forwardJob(
      model: words[2], weights: words[3] == "-" ? nil : words[3], inputs: words[4])
    try repeatOnDemand(atOnce(max(1, Int(words[1]) ?? 1), pass))
  case "read" where arguments.count == 2:
    try repeatOnDemand(readJob(file: Array(arguments)[1]))
  case "map" where arguments.count == 2:
    try repeatOnDemand(mapJob(file: Array(arguments)[1]))
  default:
    print(
      "usage: weighbridge-bench forward MODEL WEIGHTS INPUTS | at-once COUNT MODEL WEIGHTS INPUTS "
        + "| read FILE | map FILE")
  }
} catch {
  reportAndExit(error)
}
