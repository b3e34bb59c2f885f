extension Network {
  /// What a forward does.
  package struct Program: Sendable {
    package let className: String
    /// Where the forward begins.
    package let place: Place?
    package let inputs: [Input]
    package let body: [Instruction]
    package let returns: Operand
    package let guards: [Guard]
  }

  /// An argument that was given.
  package struct Input: Sendable {
    package let name: String
    /// What it was, where that was None, a flag or a text, on which the program may rest.
    package let expected: Operand?
  }

  /// A step that gives one value.
  package struct Instruction: Sendable {
    package enum Target: Sendable {
      /// A function of the vocabulary.
      case function(String)
      /// A function that the vocabulary lacks, by its qualified name.
      case unknown(String)
      /// A module, below the program's own or from the root.
      case module(String, fromRoot: Bool)
    }

    package let target: Target
    package let arguments: [(name: String, value: Operand)]
    /// The local variable that held the value.
    package let name: String?
    /// The same for members of a tuple.
    package let names: [(key: String, name: String)]
    package let isInPlace: Bool
    package let place: Place?
  }

  /// A comparison that Python made on the way.
  package struct Guard: Sendable {
    package enum Comparison: String, Sendable { case eq, ne, lt, le, gt, ge }

    package let comparison: Comparison
    package let left: Operand
    package let right: Operand
    package let expected: Bool
  }

  /// Where a value comes from.
  package indirect enum Operand: Sendable, Hashable {
    case none
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([Operand])
    /// A value of the program.
    case value(Int)
    /// A member of a tuple or list.
    case item(Operand, Int)
    /// A member of a dictionary.
    case member(Operand, String)
    /// A parameter or buffer.
    case tensor(Reference)
    case constant(Int)
    case attribute(Reference)
    /// The extent of a tensor's axis.
    case size(Operand, axis: Int)
    case operation(Arithmetic, [Operand])
    /// A dtype by PyTorch's name.
    case dtype(String)
    case slice(Operand, Operand, Operand)
    case ellipsis
    case dictionary([Member])
    /// A function that an attribute holds.
    case function(String)
    /// Something that cannot be said.
    case opaque(String)

    package struct Member: Sendable, Hashable {
      package let key: String
      package let value: Operand
    }

    /// A name below the program's module, or from the root.
    package struct Reference: Sendable, Hashable {
      package let name: String
      package let fromRoot: Bool

      /// The full name in a program of the module at `path`.
      package func absolute(in path: String) -> String {
        fromRoot ? name : Network.joined(path, name)
      }
    }
  }

  /// Python's arithmetic of numbers.
  package enum Arithmetic: String, Sendable {
    case add, sub, mul, div, floordiv, mod, pow, neg, abs, floor, ceil

    /// How many numbers it takes.
    package var count: Int {
      switch self {
      case .neg, .abs, .floor, .ceil: 1
      default: 2
      }
    }
  }
}

extension Network.Operand {
  /// The operands directly in this one.
  package var parts: [Network.Operand] {
    switch self {
    case .list(let items), .operation(_, let items): items
    case .item(let one, _), .member(let one, _), .size(let one, _): [one]
    case .slice(let a, let b, let c): [a, b, c]
    case .dictionary(let members): members.map(\.value)
    default: []
    }
  }

  /// The numbers of the values that it is made of.
  package var values: [Int] {
    if case .value(let number) = self { return [number] }
    return parts.flatMap(\.values)
  }
}
