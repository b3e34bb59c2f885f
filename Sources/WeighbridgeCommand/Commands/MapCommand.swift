import ArgumentParser
import Weighbridge

/// `weighbridge map`: how a checkpoint's names fit an architecture's.
struct MapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map",
    abstract: "Show how a checkpoint's tensors become a model's parameters.",
    discussion: """
      Reads headers only. Everything missing, unexpected, of another shape or dtype, or landing on \
      one name is listed at once, with what was probably meant. Exit status 2 when the names do not \
      map one to one.

      EXAMPLES
        weighbridge map model.npz
        weighbridge map model.npz --model vit --config heads=16 --all
        weighbridge map model.h5 --model se_resnet50 --rules rules.yaml --json
        weighbridge map theirs.pth --model vit --align --reference ref.npz --rules-out rules.yaml

      RULES
      A YAML list, applied in order to the file's names as `inspect` prints them. Prefixes such as \
      `module.` need no rule. Each rule names its tensors by `tensor` (one name), `prefix`, or \
      `regex` (which matches the whole name; $1 … are its groups):

        - rename: {tensor: head.weight, to: fc.weight}
        - rename: {prefix: backbone., to: ''}
        - rename: {regex: 'block(\\d+)\\.(.*)', to: 'layer$1.$2'}
        - transpose: {tensor: fc.weight}
        - permute: {regex: '.*conv\\d\\.weight', axes: [3, 2, 0, 1]}
        - reshape: {tensor: cls_token, shape: [1, 1, -1]}
        - split: {regex: '(.*)\\.qkv\\.weight', axis: 0,
                  into: [$1.q.weight, $1.k.weight, $1.v.weight]}
        - concatenate: {regex: '(.*)\\.q\\.weight', axis: 0,
                        with: [$1.k.weight, $1.v.weight], into: $1.qkv.weight}
        - stack: {tensor: code.0, with: [code.1], axis: 0, into: codewords}
        - flip: {tensor: conv1.weight, axis: 1}
        - cast: {prefix: head., dtype: f32}
        - weight_norm: {regex: '(.*)\\.weight_v', magnitude: $1.weight_g, into: $1.weight}
        - spectral_norm: {regex: '(.*)\\.weight_orig', u: $1.weight_u, v: $1.weight_v, axis: 0,
                          into: $1.weight}
        - drop: {prefix: optimizer., reason: the optimizer's state}

      A rule that matches nothing is an error, unless it has `optional: true`. `split` takes `sizes` \
      for unequal parts; of `reshape`, one extent may be -1, and 0 leaves the one that is there. Weights that PyTorch computes from others (weight_norm, spectral_norm) need no \
      rule: the plan shows those it adds. A kernel or matrix whose shape cannot tell the order of its \
      axes, while others of the file are in another order than PyTorch's, is asked for: a `permute` rule \
      decides, also one that leaves it as it is.

      Regular expressions are matched in linear time: . [] () | * + ? {} and \\d \\w \\s, no look-around \
      and no back-references. Anchors and aliases of YAML are not read.
      """)

  @Argument(help: "The checkpoint.") var file: String
  @OptionGroup var model: ModelOptions
  @OptionGroup var rules: RulesOption
  @OptionGroup var alignment: AlignmentOptions
  @Flag(help: "List every match too.") var all = false
  @OptionGroup var json: JSONFlag

  func run() throws {
    let console = json.console
    guard !alignment.align else { return try alignment.run(file, model, all: all, console) }
    let plan = try Loader(Tool.current.registry).plan(
      Checkpoints.open(file), model: model.identifier, overrides: model.overrides(),
      rules: rules.read(), root: model.root)
    var error = plan.report.error(file: file)
    if !plan.report.isForeign {
      error?.remedy = "Rename or change tensors with --rules, or name another --model"
    }
    if let error { Console.fail(error.description) }
    if json.isSet {
      try console.print(json: json(plan))
    } else {
      try console.say(lines(plan, width: Terminal.width()).joined(separator: "\n"))
    }
    if let error { throw ExitCode(error.code.exitStatus) }
  }

  private func json(_ plan: ImportPlan) -> JSONDocument {
    guard case .object(let report) = plan.report.json else { return .null }
    return .object(
      [
        .init("file", .string(file)), .init("model", .string(plan.architecture.id)),
        .init("config", plan.configuration.json),
      ] + report)
  }

  private func lines(_ plan: ImportPlan, width: Int) -> [String] {
    var lines = ["\(file.escapingControlCharacters()) → \(plan.architecture.id)"]
    let values = plan.configuration.keys.compactMap { key in
      plan.configuration.entries[key.name].map {
        "  \(key.name)=\($0.value) (\($0.origin.rawValue))"
      }
    }
    lines += values + plan.report.lines()
    // Matches under another name or in another layout are what a reader wants to check.
    let matches = plan.report.matched.filter { match in
      all || match.transform != nil || match.source != match.parameter
    }
    guard !matches.isEmpty else { return lines }
    var table = Table(columns: [
      .init(title: "parameter", shrinks: true), .init(title: "from", shrinks: true),
      .init(title: "shape"), .init(title: "how", shrinks: true),
    ])
    table.rows = matches.map {
      [
        $0.parameter, $0.source == $0.parameter ? "=" : $0.source, $0.shape.description,
        $0.transform ?? "",
      ]
    }
    return lines + [""] + table.lines(width: width)
  }
}
