import Weighbridge
import WeighbridgeWeights

extension Profile {
  /// Everything, step by step and summed up.
  var json: JSONDocument {
    .members([
      "seconds": .number(seconds), "first_seconds": .number(firstSeconds),
      "seconds_between": .number(secondsBetween), "runs": .integer(runs),
      "threads": .integer(threads), "engine": .string(Engines.float32Name),
      "eager": .boolean(isEager), "operators": json(operators), "layers": json(layers),
      "joint": json(jointSteps), "steps": .array(steps.map { $0.json(timed: true) }),
    ])
  }

  private func json(_ shares: [Share]) -> JSONDocument {
    .array(
      shares.map { share in
        .members([
          "name": .string(share.name), "steps": .integer(share.steps.count),
          "seconds": .number(share.seconds),
          "share": .number(seconds > 0 ? share.seconds / seconds : 0),
          "products": .integer(share.products),
        ])
      })
  }
}

extension Profile.Step {
  /// - Parameter timed: Whether its times count.
  func json(timed: Bool) -> JSONDocument {
    let times: [JSONDocument.Member] = [
      .init("seconds", .number(seconds)), .init("copy_seconds", .number(copySeconds)),
    ]
    return .object(
      [
        .init("path", .string(module.name)), .init("kind", .string(kind)),
        .init("name", .string(name)), .init("parts", .strings(parts)),
        .init("joint", .boolean(isJoint)),
        .init(
          "joined",
          .array(
            joined.map {
              .members([
                "path": .string($0.path.name), "kind": .string($0.kind),
                "folded": .boolean($0.isFolded),
              ])
            })),
        .init("library", .string(library.rawValue)), .init("form", .string(form)),
        .init("shape", .array(shape.map { .integer($0) })), .init("products", .integer(products)),
      ] + (timed ? times : []))
  }
}

extension Explanation {
  /// One member per module.
  var json: JSONDocument {
    .array(
      modules.map { line in
        .members([
          "path": .string(line.path.name), "kind": .string(line.kind),
          "calls": .integer(line.calls), "how": .string(line.words),
          "steps": .array(line.steps.map { $0.json(timed: false) }),
          "done_by": .array(
            line.hosts.map {
              .members(["path": .string($0.path.name), "folded": .boolean($0.isFolded)])
            }),
          "view": .boolean(line.isView),
          "obstacle": line.obstacle.map { .string($0.words) } ?? .null,
        ])
      })
  }
}

extension ModelRun {
  /// What `run --json` says of the run itself.
  var members: [JSONDocument.Member] {
    let shapes = outputs.enumerated().map { index, tensor in
      JSONDocument.members([
        "name": .string("outputs/\(index)"), "dtype": .string("\(tensor.dtype)"),
        "shape": .array(tensor.shape.map { .integer($0) }),
      ])
    }
    return [.init("outputs", .array(shapes))]
      + (profile.map { [.init("profile", $0.json)] } ?? [])
      + (explanation.map { explanation in
        [
          .init("explanation", explanation.json),
          .init("decided_by", explanation.deciding.map { .string($0.name) } ?? .null),
        ]
      } ?? [])
  }
}
