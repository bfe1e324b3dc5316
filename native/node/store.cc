// The store's face in JavaScript: locks, sealed files, staging and placement (src/native/addon.ts).
#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include "node/addon.h"
#include "node/files.h"
#include "node/job.h"
#include "node/options.h"
#include "node/staged_file.h"
#include "server/process.h"
#include "store/blob_hash.h"
#include "store/coded_file.h"
#include "store/decoded_file.h"
#include "store/disk_space.h"
#include "store/placement.h"
#include "store/staging_file.h"
#include "store/store_lock.h"

namespace sealgate::addon {
namespace {

// A level, or what differs.
Napi::Value seal(const Napi::CallbackInfo& info) {
  const auto given = info[1].As<Napi::Object>();
  const SealedFile::Record record{text(given, "digest"), static_cast<uint64_t>(number(given, "size")),
                                  text(given, "evidence")};
  const std::string path = info[0].As<Napi::String>();
  const auto sealing = SealedFile::seal(path, record, true);
  if (!sealing.file) return Napi::String::New(info.Env(), std::string(seal_break_name(sealing.why)));
  return Napi::String::New(info.Env(), std::string(seal_level_name(sealing.file->level())));
}

// --- StoreLock ---

class StoreLockObject : public Napi::ObjectWrap<StoreLockObject> {
 public:
  explicit StoreLockObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<StoreLockObject>(info) {}
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "StoreLock",
                       {InstanceMethod<&StoreLockObject::release>("release"),
                        InstanceMethod<&StoreLockObject::file>("file")});
  }
  StoreLock lock;

 private:
  Napi::Value file(const Napi::CallbackInfo& info) { return file_object(info.Env(), lock.file().copy()); }
  void release(const Napi::CallbackInfo&) { lock.release(); }
};

// With a file as the second argument: the lock that it has.
Napi::Value lock_store(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  StoreLock lock;
  const Status status = info[1].IsUndefined() ? StoreLock::take(path, &lock)
                                              : StoreLock::adopt(path, copy_of_file(info[1]), &lock);
  if (status.error == EWOULDBLOCK) return env.Undefined();
  if (!status.ok()) throw error_of(env, status);
  const Napi::Object object = env.GetInstanceData<Instance>()->store_lock.New({});
  StoreLockObject::Unwrap(object)->lock = std::move(lock);
  return object;
}

Napi::Object hashed(Napi::Env env, const std::string& digest, uint64_t size) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("digest", digest);
  out.Set("size", static_cast<double>(size));
  return out;
}

// Without one, none is given.
SealLevel wanted_level(const Napi::Value& given) {
  return given.IsUndefined() ? SealLevel::l1 : seal_level(given);
}

void add_seal(const Raised& seal, Napi::Object& out) {
  out.Set("evidence", seal.evidence.text());
  out.Set("level", std::string(seal_level_name(seal.level)));
  if (!seal.failure.ok()) out.Set("failure", describe(seal.failure));
}

Napi::Object placement_object(Napi::Env env, const Placement& placement) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("created", placement.created);
  out.Set("size", static_cast<double>(placement.size));
  add_seal(placement.seal, out);
  return out;
}

Napi::Value place_blob_async(const Napi::CallbackInfo& info) {
  const std::string staging = info[0].As<Napi::String>(), blob = info[1].As<Napi::String>();
  const SealLevel wanted = wanted_level(info[2]);
  return Job<Placement>::start(
      info.Env(), Engine::instance().commits,
      [staging, blob, wanted](Placement* out) { return place_blob(staging, blob, wanted, out); },
      [](Napi::Env env, const Placement& placement) -> Napi::Value {
        return placement_object(env, placement);
      });
}

struct Placed {
  std::vector<Placing> all;
  Status shared;
};

// For each blob its placement, or what went wrong; and what the sync for all of them failed with.
Napi::Value placed_together(Napi::Env env, const Placed& placed) {
  const auto blobs = Napi::Array::New(env, placed.all.size());
  for (uint32_t i = 0; i < placed.all.size(); i++) {
    const auto& [staging, blob, placement, status] = placed.all[i];
    if (status.ok())
      blobs.Set(i, placement_object(env, placement));
    else
      blobs.Set(i, error_of(env, status).Value());
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("blobs", blobs);
  if (!placed.shared.ok()) out.Set("fault", error_of(env, placed.shared).Value());
  return out;
}

Napi::Value place_together_async(const Napi::CallbackInfo& info) {
  const int folder = info[0].As<Napi::Number>().Int32Value();
  const auto given = info[1].As<Napi::Array>();
  std::vector<Placing> all(given.Length());
  for (uint32_t i = 0; i < given.Length(); i++) {
    const auto each = given.Get(i).As<Napi::Object>();
    all[i].staging = text(each, "staging");
    all[i].blob = text(each, "blob");
  }
  return Job<Placed>::start(
      info.Env(), Engine::instance().commits,
      [folder, all = std::move(all)](Placed* out) mutable -> Status {
        out->shared = place_together(folder, all);
        out->all = std::move(all);
        return {};
      },
      placed_together);
}

Napi::Value hash_file_async(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const SealLevel wanted = wanted_level(info[1]);
  return Job<HashedBlob>::start(
      info.Env(), Engine::instance().proofs,
      [path, wanted](HashedBlob* out) { return hash_sealable(path, wanted, out); },
      [](Napi::Env env, const HashedBlob& found) -> Napi::Value {
        Napi::Object out = hashed(env, found.digest, found.size);
        add_seal(found.seal, out);
        return out;
      });
}

Napi::Value raise_blob_async(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>(), evidence = info[1].As<Napi::String>();
  const SealLevel wanted = wanted_level(info[2]);
  return Job<Raised>::start(
      info.Env(), Engine::instance().commits,
      [path, evidence, wanted](Raised* out) { return raise_blob(path, evidence, wanted, out); },
      [](Napi::Env env, const Raised& seal) -> Napi::Value {
        Napi::Object out = Napi::Object::New(env);
        add_seal(seal, out);
        return out;
      });
}

Napi::Value release_file_async(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  return Job<bool>::start(
      info.Env(), Engine::instance().commits, [path](bool*) { return release_file(path); },
      [](Napi::Env env, const bool&) -> Napi::Value { return env.Undefined(); });
}

// --- BlobHash ---

class BlobHashObject : public Napi::ObjectWrap<BlobHashObject> {
 public:
  explicit BlobHashObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<BlobHashObject>(info) {}
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "BlobHash",
        {InstanceMethod<&BlobHashObject::step>("step"), InstanceMethod<&BlobHashObject::close>("close")});
  }
  std::string path;

 private:
  struct Step {
    uint64_t read = 0;
    BlobHash::Result whole;
  };

  // A number of bytes, and at the end of the file what was found.
  Napi::Value step(const Napi::CallbackInfo& info) {
    const auto pieces = static_cast<size_t>(info[0].As<Napi::Number>().Int64Value());
    const bool opens = !hash_;
    if (opens) hash_ = std::make_shared<BlobHash>();
    return Job<Step>::start(
        info.Env(), Engine::instance().proofs,
        [hash = hash_, opens, path = path, pieces](Step* out) {
          const Status opened = opens ? hash->open(path, ReadFrom::disk) : Status{};
          if (!opened.ok()) return opened;
          const Status status = hash->step(pieces, &out->read);
          return status.ok() && out->read == 0 ? hash->finish(&out->whole) : status;
        },
        [](Napi::Env env, const Step& done) -> Napi::Value {
          if (done.read == 0) return hashed(env, done.whole.digest, done.whole.size);
          return Napi::Number::New(env, static_cast<double>(done.read));
        });
  }

  void close(const Napi::CallbackInfo&) { hash_.reset(); }

  std::shared_ptr<BlobHash> hash_;
};

Napi::Value open_hash(const Napi::CallbackInfo& info) {
  const Napi::Object object = info.Env().GetInstanceData<Instance>()->blob_hash.New({});
  BlobHashObject::Unwrap(object)->path = info[0].As<Napi::String>();
  return object;
}

// --- content codings ---

struct Coded {
  std::string digest;
  uint64_t size = 0;
  bool fits = false;
};

ContentCoding content_coding(const Napi::Value& given) {
  const std::string name = given.As<Napi::String>();
  for (size_t i = 0; i < kContentCodings; i++)
    if (name == kContentCodingNames[i]) return static_cast<ContentCoding>(i);
  throw Napi::TypeError::New(given.Env(), "coding: expected br, zstd or gzip, got " + name);
}

// The coded file in its staging file; undefined: it would be larger than that.
Napi::Value code_file_async(const Napi::CallbackInfo& info) {
  const ContentCoding coding = content_coding(info[0]);
  const auto given = info[1].As<Napi::Object>();
  const auto most = static_cast<uint64_t>(number(given, "most"));
  const std::string source = text(given, "source"), digest = text(given, "digest"),
                    staging_path = text(given, "staging");
  Engine& engine = Engine::instance();
  return Job<Coded>::start(
      info.Env(), engine.coding,
      [=, &ends = engine.coding_ends, begun = engine.coding_ends.load()](Coded* out) -> Status {
        run_behind_others();
        StagingFile staging;
        const auto ended = [&] { return ends != begun; };
        const Status status = code_file(coding, source, digest, most, ended, staging, staging_path);
        if (status.error == EFBIG) return {};
        if (status.ok()) *out = {staging.digest(), staging.size(), true};
        return status;
      },
      [](Napi::Env env, const Coded& coded) -> Napi::Value {
        return coded.fits ? hashed(env, coded.digest, coded.size) : env.Undefined();
      });
}

// Whether a file is a coding of that blob.
Napi::Value is_coding_async(const Napi::CallbackInfo& info) {
  const ContentCoding coding = content_coding(info[0]);
  const std::string path = info[1].As<Napi::String>();
  const auto blob = info[2].As<Napi::Object>();
  const Decoded wanted{text(blob, "digest"), static_cast<uint64_t>(number(blob, "size"))};
  Engine& engine = Engine::instance();
  return Job<bool>::start(
      info.Env(), engine.coding,
      [=, &ends = engine.coding_ends, begun = engine.coding_ends.load()](bool* out) -> Status {
        run_behind_others();
        const Status status = check_decoded(coding, path, wanted, [&] { return ends != begun; });
        *out = status.ok();
        return status.error == EBADMSG ? Status{} : status;
      },
      [](Napi::Env env, const bool& is) -> Napi::Value { return Napi::Boolean::New(env, is); });
}

void end_coding(const Napi::CallbackInfo&) { Engine::instance().coding_ends++; }

// --- the rest ---

Napi::Value import_file_here(const Napi::CallbackInfo& info) {
  StagingFile staging;
  const Status status =
      import_file(info[0].As<Napi::String>(), staging, info[1].As<Napi::String>(), digest_names(info[2]));
  if (!status.ok()) throw error_of(info.Env(), status);
  return staged(info.Env(), staging);
}

// With the bytes that were copied.
Napi::Value import_small_file_here(const Napi::CallbackInfo& info) {
  StagingFile staging;
  std::string bytes;
  const auto most = static_cast<size_t>(info[2].As<Napi::Number>().Int64Value());
  const Status status = import_small_file(info[0].As<Napi::String>(), staging, info[1].As<Napi::String>(),
                                          most, &bytes, digest_names(info[3]));
  if (!status.ok()) throw error_of(info.Env(), status);
  Napi::Object out = staged(info.Env(), staging);
  out.Set("bytes", Napi::Buffer<char>::Copy(info.Env(), bytes.data(), bytes.size()));
  return out;
}

void allocate_ahead(const Napi::CallbackInfo& info) {
  const auto bytes = static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value());
  const Status status = allocate_behind_end(info[0].As<Napi::String>(), bytes);
  if (!status.ok()) throw error_of(info.Env(), status);
}

void explain_lost(const Napi::CallbackInfo&) { explain_lost_metadata(); }

}  // namespace

void init_store(Napi::Env env, Napi::Object exports) {
  Instance* instance = env.GetInstanceData<Instance>();
  instance->store_lock = Napi::Persistent(StoreLockObject::define(env));
  instance->blob_hash = Napi::Persistent(BlobHashObject::define(env));
  exports.Set("openHash", Napi::Function::New<open_hash>(env));
  exports.Set("explainLostMetadata", Napi::Function::New<explain_lost>(env));
  exports.Set("seal", Napi::Function::New<seal>(env));
  exports.Set("lockStore", Napi::Function::New<lock_store>(env));
  exports.Set("allocateAhead", Napi::Function::New<allocate_ahead>(env));
  exports.Set("placeBlob", Napi::Function::New<place_blob_async>(env));
  exports.Set("placeTogether", Napi::Function::New<place_together_async>(env));
  exports.Set("importSmallFile", Napi::Function::New<import_small_file_here>(env));
  exports.Set("hashFile", Napi::Function::New<hash_file_async>(env));
  exports.Set("raiseBlob", Napi::Function::New<raise_blob_async>(env));
  exports.Set("releaseFile", Napi::Function::New<release_file_async>(env));
  exports.Set("codeFile", Napi::Function::New<code_file_async>(env));
  exports.Set("isCoding", Napi::Function::New<is_coding_async>(env));
  exports.Set("endCoding", Napi::Function::New<end_coding>(env));
  exports.Set("importFile", Napi::Function::New<import_file_here>(env));
}

}  // namespace sealgate::addon
