/// Names of Python as Swift has them: legal, and each but once.
struct Names {
  /// In lower case: names that differ in case alone are told apart, too.
  private var taken: Set<String>

  init(taken: Set<String> = []) { self.taken = Set(taken.map { $0.lowercased() }) }

  /// A name that nothing else has, made of one that is wanted.
  mutating func unique(_ wanted: String) -> String {
    var (name, number) = (wanted, 2)
    while !taken.insert(name.lowercased()).inserted {
      name = "\(wanted)\(wanted.last?.isNumber == true ? "_" : "")\(number)"
      number += 1
    }
    return name
  }

  func contains(_ name: String) -> Bool { taken.contains(name.lowercased()) }

  mutating func release(_ name: String) { taken.remove(name.lowercased()) }

  /// The words of a name of Python, letters and digits of ASCII alone.
  private static func words(_ name: String) -> [String] {
    name.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.map(String.init)
  }

  /// `num_heads` as `numHeads`; a text without a letter gives `other`.
  static func value(_ name: String, other: String = "value") -> String {
    let words = words(name)
    guard let first = words.first else { return other }
    // An acronym is a word: `B` is `b`, `QKV` is `qkv`.
    let isCapital = first.allSatisfy { $0.isUppercase || $0.isNumber }
    var result = isCapital ? first.lowercased() : first.prefix(1).lowercased() + first.dropFirst()
    for word in words.dropFirst() {
      let joint = result.last?.isNumber == true && word.first?.isNumber == true ? "_" : ""
      result += joint + word.prefix(1).uppercased() + word.dropFirst()
    }
    if result.first?.isNumber == true { result = other + result }
    result = String(result.prefix(60))
    return forbidden.contains(result) ? result + "Value" : result
  }

  /// `_DenseLayer` as `DenseLayer`.
  static func type(_ name: String, other: String = "Net") -> String {
    var result = words(name).map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    if result.isEmpty || result.first?.isNumber == true { result = other + result }
    result = String(result.prefix(80))
    return forbiddenTypes.contains(result) ? result + "Module" : result
  }

  /// The name of a class as a literal for reports, cut where that would fill a line.
  static func kind(_ name: String) -> Code {
    var kept = ""
    for character in name {
      let longer = kept + String(character)
      if Code.string(longer).text.count > 62 { break }
      kept = longer
    }
    return Code.string(kept)
  }

  /// One printable line of ASCII, for a comment.
  static func comment(_ text: String, limit: Int = 84) -> String {
    let line = String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { (" "..."~").contains($0) && $0 != "`" ? $0 : "?" }))
    return line.replacing("*/", with: "* /").replacing("/*", with: "/ *").prefix(limit)
      .trimmingTrailingSpace
  }

  /// Printable lines of a text, for a comment.
  static func wrapped(_ text: String) -> [String] { lines(comment(text, limit: 400)) }

  /// The lines of a text that is fit for a comment.
  static func lines(_ text: String) -> [String] {
    var lines = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word.prefix(90))
      } else if last.count + word.count < 92 {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(word.prefix(90)))
      }
    }
    return lines
  }

  /// Words of the language, and members that every module has.
  private static let forbidden: Set<String> = [
    "as", "associatedtype", "actor", "any", "async", "await", "borrowing", "break", "case", "catch",
    "class", "consuming", "continue", "default", "defer", "deinit", "do", "each", "else", "enum",
    "extension", "fallthrough", "false", "fileprivate", "for", "func", "guard", "if", "import",
    "in",
    "indirect", "infix", "init", "inout", "internal", "is", "isolated", "lazy", "let", "macro",
    "mutating",
    "nil", "nonisolated", "open", "operator", "optional", "override", "package", "postfix",
    "precedencegroup",
    "prefix", "private", "protocol", "public", "repeat", "required", "rethrows", "return", "self",
    "some", "static", "struct", "subscript", "super", "switch", "throw", "throws", "true", "try",
    "typealias", "unowned", "var", "weak", "where", "while", "yield", "path", "kind", "forward",
    "tensors", "w", "type",
    "callAsFunction", "run", "input", "called", "locating", "id", "summary", "keys", "recognizes",
    "infer", "check", "defaults", "print", "zip", "min", "max", "abs", "floorDivision",
    "pythonModulo",
    "requirePorted", "with", "replacing",
  ]

  /// Types that the generated code uses, or that are Swift's own.
  static let forbiddenTypes: Set<String> = [
    "Any", "AnyObject", "Architecture", "Array", "Bool", "Build", "Builder", "Character",
    "Configuration",
    "ConfigurationKey", "ConvolutionGeometry", "DType", "Dictionary", "Double", "Error", "Float",
    "Input", "NumberedBundle",
    "Int", "Interpolation", "Module", "ModulePath", "Never", "Optional", "Output", "Padding",
    "AxisPadding",
    "Pair", "PoolingGeometry", "Protocol", "Range", "Result", "Self", "Sendable", "Set", "Shape",
    "StateDictShapes", "String", "Substring", "Tensor", "TensorBundle", "TensorList",
    "TransposedConvolutionGeometry", "Type", "UnaryModule", "Void", "WeightScope",
    "WeighbridgeError",
    "WindowGeometry", "Network", "RecordedNetwork", "MultiheadAttentionInput", "Activation",
    "Linear",
    "Conv1d", "Conv2d", "ConvTranspose2d", "BatchNorm", "LayerNorm", "LayerNorm2d", "GroupNorm",
    "RMSNorm",
    "InstanceNorm", "MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d", "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "ReLU", "ReLU6", "GELU", "SiLU", "Sigmoid", "Tanh",
    "ELU",
    "LeakyReLU", "PReLU", "Hardswish", "Hardsigmoid", "Softplus", "Softmax", "ActivationLayer",
    "Identity", "Dropout", "Sequential", "Upsample", "PixelShuffle", "PixelUnshuffle", "Flatten",
    "Unflatten", "Embedding", "MultiheadAttention", "LSTM", "GRU", "StandardizedConv2d", "SELayer",
    "ZeroPad2d", "ConstantPad1d", "ConstantPad2d", "ReflectionPad2d", "ReplicationPad2d", "Task",
    "ViT", "STN", "SKNet", "ResNeXt", "Weighbridge", "Foundation", "Reference", "Loader", "Weights",
    "FixedArchitecture", "SequentialModule", "ParameterizedModule", "BiasPolicy", "RecurrentInput",
    "RecurrentOutput", "Tool", "WeighbridgeTool", "WritableKeyPath", "Int64", "WeighbridgeNative",
    "WeighbridgeCommand", "WeighbridgeTesting", "Testing",
  ]
}

extension Substring {
  var trimmingTrailingSpace: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

extension String {
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
