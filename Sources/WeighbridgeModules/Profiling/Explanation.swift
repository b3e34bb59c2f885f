/// What the engine makes of a model: for every module, what runs it or which other one's step does its
/// work, and what keeps it from being joined.
///
/// The model runs twice, once as a program has it and once with every module for itself. Nothing is timed.
public struct Explanation: Sendable {
  /// One module of the model.
  public struct Line: Sendable {
    /// Where it stands in the model.
    public let path: ModulePath
    /// Its kind, `Conv2d`.
    public let kind: String
    /// How often it is called.
    public let calls: Int
    /// The operators that run under its name.
    public let steps: [Profile.Step]
    /// The modules whose steps do its work, and how.
    public let hosts: [Host]
    /// Whether it calls modules of its own.
    public let hasChildren: Bool
    /// Whether what it returns are the elements that came in.
    public let isView: Bool
    /// What keeps it from being joined with the module before it, where it runs for itself.
    public let obstacle: Obstacle?
  }

  /// A module whose step does another one's work.
  public struct Host: Sendable, Hashable {
    /// Where it stands in the model.
    public let path: ModulePath
    /// Whether the other one went into its weights beforehand.
    public let isFolded: Bool
  }

  /// Why a norm or an activation runs for itself.
  public enum Obstacle: Sendable, Hashable {
    /// The model's own code calls it after that convolution or linear map; `Compiled` would join them.
    case calledApart(from: ModulePath)
    /// What comes in was made by that module, which takes nothing in.
    case follows(ModulePath, kind: String)
    /// What comes in was computed between modules: a sum, a part of a tensor.
    case followsOperators
    /// It normalises with each batch's own statistics, which are known only then.
    case batchStatistics
  }

  /// The modules in the order of their first calls.
  public let modules: [Line]
  /// The version of the engine that runs float32.
  public let engine: String
  /// The module whose values decide what runs, so that a compiled model runs step by step; `nil` where
  /// there is none, and for a model that is not compiled.
  public let deciding: ModulePath?

  /// - Parameters:
  ///   - model: The model.
  ///   - inputs: In the order of PyTorch's arguments; what is joined may depend on their shapes.
  ///   - isEager: Whether to explain the run in which every module runs for itself.
  /// - Throws: What a run throws.
  public init(of model: any Module, on inputs: [Tensor], isEager: Bool = false) throws {
    deciding = isEager ? nil : try (model as? any CompiledModule)?.obstacle(toTensors: inputs)
    let survey = SurveyProbe()
    _ = try ProbeRun.with(survey) { try model.run(inputs) }
    let log = RunLog()
    _ = try RunLog.keeping(log) {
      try isEager
        ? ProbeRun.eagerly { try model.run(inputs) } : ProbeRun.without { try model.run(inputs) }
    }
    let steps = log.entries.map(Profile.Step.init)
    let own = Dictionary(grouping: steps) { $0.module }
    var hosts: [Profile.JoinedModule: [Host]] = [:]
    for step in steps {
      for joined in step.joined {
        let key = Profile.JoinedModule(path: joined.path, kind: joined.kind, isFolded: false)
        let host = Host(path: step.module, isFolded: joined.isFolded)
        if hosts[key]?.contains(host) != true { hosts[key, default: []].append(host) }
      }
    }
    modules = survey.modules.map { module in
      let key = Profile.JoinedModule(path: module.path, kind: module.kind, isFolded: false)
      let steps = (own[module.path] ?? []).filter { $0.kind == module.kind || $0.kind.isEmpty }
      return Line(
        path: module.path, kind: module.kind, calls: module.calls, steps: steps,
        hosts: hosts[key] ?? [], hasChildren: module.hasChildren, isView: module.isView,
        obstacle: steps.isEmpty || isEager ? nil : module.obstacle)
    }
    engine = Engines.float32Name
  }
}
