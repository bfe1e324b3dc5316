// The store's face in JavaScript: locks, sealed files, staging and placement (src/native/addon.ts).
#include <cerrno>
#include <cstring>
#include <functional>

#include "addon.h"
#include "addon_job.h"
#include "addon_options.h"
#include "libraries.h"
#include "staging_file.h"
#include "store_lock.h"

namespace sealgate::addon {
namespace {

constexpr napi_type_tag kSealedFileTag = {0x5ea19a7e00000001, 0x7e57ab1ec0de0001};

// --- SealedFile
// --------------------------------------------------------------------------------------------------

class SealedFileObject : public Napi::ObjectWrap<SealedFileObject> {
 public:
  explicit SealedFileObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SealedFileObject>(info) {
    info.This().As<Napi::Object>().TypeTag(&kSealedFileTag);
  }
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "SealedFile",
                       {InstanceAccessor<&SealedFileObject::digest>("digest"),
                        InstanceAccessor<&SealedFileObject::size>("size"),
                        InstanceAccessor<&SealedFileObject::level>("level")});
  }
  std::shared_ptr<const SealedFile> file;

 private:
  const SealedFile& sealed() const {
    if (!file) throw Napi::Error::New(Env(), "SealedFile: not made by seal, or answered with already");
    return *file;
  }
  Napi::Value digest(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), sealed().digest());
  }
  Napi::Value size(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(sealed().size()));
  }
  Napi::Value level(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), sealed().level() == SealLevel::l1 ? "L1" : "L0");
  }
};

Napi::Value seal(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto given = info[1].As<Napi::Object>();
  const SealedFile::Record record{text(given, "digest"), static_cast<uint64_t>(number(given, "size")),
                                  text(given, "evidence")};
  SealBreak why = SealBreak::none;
  auto file = SealedFile::seal(info[0].As<Napi::String>(), record, info[2].As<Napi::Boolean>(), &why);
  if (!file) return Napi::String::New(env, std::string(seal_break_name(why)));
  const Napi::Object object = env.GetInstanceData<Instance>()->sealed_file.New({});
  SealedFileObject::Unwrap(object)->file = std::move(file);
  return object;
}

// --- StoreLock
// ---------------------------------------------------------------------------------------------------

class StoreLockObject : public Napi::ObjectWrap<StoreLockObject> {
 public:
  explicit StoreLockObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<StoreLockObject>(info) {}
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "StoreLock", {InstanceMethod<&StoreLockObject::release>("release")});
  }
  StoreLock lock;

 private:
  void release(const Napi::CallbackInfo&) { lock.release(); }
};

Napi::Value lock_store(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  StoreLock lock;
  const Status status = StoreLock::take(info[0].As<Napi::String>(), &lock);
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

Napi::Value place_blob_async(const Napi::CallbackInfo& info) {
  const std::string staging = info[0].As<Napi::String>(), blob = info[1].As<Napi::String>();
  return Job<Placement>::start(
      info.Env(), [staging, blob](Placement* out) { return place_blob(staging, blob, out); },
      [](Napi::Env env, const Placement& placement) -> Napi::Value {
        Napi::Object out = Napi::Object::New(env);
        out.Set("created", placement.created);
        out.Set("size", static_cast<double>(placement.size));
        out.Set("evidence", placement.evidence);
        return out;
      });
}

struct HashedFile {
  std::string digest;
  uint64_t size = 0;
  std::string evidence;
};

Napi::Value hash_file_async(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  return Job<HashedFile>::start(
      info.Env(),
      [path](HashedFile* out) { return hash_sealable(path, &out->digest, &out->size, &out->evidence); },
      [](Napi::Env env, const HashedFile& found) -> Napi::Value {
        Napi::Object out = hashed(env, found.digest, found.size);
        out.Set("evidence", found.evidence);
        return out;
      });
}

// --- the rest
// ----------------------------------------------------------------------------------------------------

Napi::Value import_file_here(const Napi::CallbackInfo& info) {
  StagingFile staging;
  const Status status = import_file(info[0].As<Napi::String>(), staging, info[1].As<Napi::String>());
  if (!status.ok()) throw error_of(info.Env(), status);
  return hashed(info.Env(), staging.digest(), staging.size());
}

Napi::Value libraries(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("openssl", openssl_version());
  out.Set("opensslFile", openssl_file());
  out.Set("llhttp", llhttp_version());
  return out;
}

}  // namespace

std::shared_ptr<const SealedFile> take_sealed_file(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kSealedFileTag)) return nullptr;
  return std::move(SealedFileObject::Unwrap(value.As<Napi::Object>())->file);
}

void init_store(Napi::Env env, Napi::Object exports) {
  Instance* instance = env.GetInstanceData<Instance>();
  instance->sealed_file = Napi::Persistent(SealedFileObject::define(env));
  instance->store_lock = Napi::Persistent(StoreLockObject::define(env));
  exports.Set("seal", Napi::Function::New<seal>(env));
  exports.Set("lockStore", Napi::Function::New<lock_store>(env));
  exports.Set("placeBlob", Napi::Function::New<place_blob_async>(env));
  exports.Set("hashFile", Napi::Function::New<hash_file_async>(env));
  exports.Set("importFile", Napi::Function::New<import_file_here>(env));
  exports.Set("libraries", Napi::Function::New<libraries>(env));
}

}  // namespace sealgate::addon
